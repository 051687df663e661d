package logs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"thermarack/collector/internal/logs"
)

func TestALogIsTextOrOneJSONObjectALine(t *testing.T) {
	for _, format := range logs.Formats() {
		var out bytes.Buffer
		log, err := logs.New(&out, format, "info")
		if err != nil {
			t.Fatal(err)
		}
		log.Warn("sensor skipped", "sensor", "urn:dev:ow:28\n", "err", errors.New("no ack"))
		if lines := strings.Count(out.String(), "\n"); lines != 1 || !strings.Contains(out.String(), "no ack") {
			t.Errorf("%s: %d lines: %s", format, lines, &out)
		}
		if isJSON := json.Valid(out.Bytes()); isJSON != (format == "json") {
			t.Errorf("%s: JSON is %v: %s", format, isJSON, &out)
		}
	}
}

func TestALogTellsItsLevelAndAbove(t *testing.T) {
	for i, level := range logs.Levels() {
		var out bytes.Buffer
		log, err := logs.New(&out, "text", level)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			log.Log(t.Context(), l, "something")
		}
		if got, want := strings.Count(out.String(), "\n"), 4-i; got != want {
			t.Errorf("%s: %d lines, want %d", level, got, want)
		}
	}
}

func TestWhatNoLogCanBeIsNamed(t *testing.T) {
	for _, tt := range []struct{ format, level, want string }{
		{"xml", "info", `log format "xml" is none of text, json`},
		{"text", "loud", `log level "loud" is none of debug, info, warn, error`},
		{"text", "INFO+2", `log level "INFO+2" is none of debug, info, warn, error`},
		{"", "info", `log format "" is none of text, json`},
	} {
		if _, err := logs.New(new(bytes.Buffer), tt.format, tt.level); err == nil || err.Error() != tt.want {
			t.Errorf("%q, %q: %v, want %s", tt.format, tt.level, err, tt.want)
		}
	}
}

func TestALibraryIsHeardAtDebugOnlyAndWithoutItsMessages(t *testing.T) {
	type packet struct{ Payload string }
	say := func(level string) string {
		var out bytes.Buffer
		log, err := logs.New(&out, "text", level)
		if err != nil {
			t.Fatal(err)
		}
		theirs := logs.Library(log, "mochi")
		theirs.Error("error processing packet", "error", errors.New("EOF"), "client", "a1", "n", 3,
			"pk", packet{"secret"}, "raw", []byte("secret"), slog.Group("g", "pk", packet{"secret"}))
		theirs.With("pk", packet{"secret"}, "listener", "mqtt").WithGroup("in").Info("more", "client", "a2")
		return out.String()
	}
	if got := say("info"); got != "" {
		t.Errorf("at info: %s", got)
	}
	got := say("debug")
	for _, want := range []string{"level=DEBUG", "library=mochi", `msg="error processing packet"`, "error=EOF", "client=a1", "n=3", "listener=mqtt", "in.client=a2"} {
		if !strings.Contains(got, want) {
			t.Errorf("want …%s… in\n%s", want, got)
		}
	}
	if strings.Contains(got, "secret") || strings.Contains(got, "ERROR") {
		t.Errorf("told more than it should:\n%s", got)
	}
}
