package main

import (
	"errors"
	"io/fs"
	"math"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// newRegistry returns a registry that tells of the process and of the directory
// of its data.
func newRegistry(data string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
	}
	gauge("thermarack_build_info", "1, for what is in the labels.",
		prometheus.Labels{"version": builtVersion(), "goversion": runtime.Version()},
		func() float64 { return 1 })
	gauge("thermarack_data_bytes", "Size of all files in the data directory.", nil,
		func() float64 { return sizeOf(data) })
	gauge("thermarack_data_free_bytes", "Free space of the file system of the data directory. Below 256 MiB nothing is stored.", nil,
		func() float64 { return freeAt(data) })
	return r
}

// serveMetrics answers scrapes, few at a time: some figures are counted when they
// are asked for.
func serveMetrics(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := r.Gather()
		return slices.DeleteFunc(families, leftOut), err
	}), promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// leftOut tells of metrics of the libraries that are not passed on: `promtool check
// metrics` finds their names wrong, and they say nothing here. There are no native
// histograms, and the time of queries is in a summary too.
func leftOut(family *dto.MetricFamily) bool {
	switch family.GetName() {
	case "prometheus_tsdb_head_native_histogram_buckets",
		"prometheus_tsdb_head_native_histogram_series",
		"prometheus_engine_query_duration_histogram_seconds":
		return true
	}
	return false
}

// sizeOf adds up the files below dir, NaN when it cannot be read. Files come and
// go meanwhile.
func sizeOf(dir string) float64 {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil && entry.Type().IsRegular() {
			info, err = entry.Info()
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case info != nil:
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		return math.NaN()
	}
	return float64(sum)
}

// freeAt returns what a user may still write, in bytes; NaN when it is not known.
func freeAt(dir string) float64 {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return math.NaN()
	}
	return float64(stat.Bavail) * float64(stat.Bsize)
}
