package main

import (
	"log/slog"

	paho "github.com/eclipse/paho.mqtt.golang"

	"thermarack/collector/internal/logs"
)

// openLog returns the log of the program, on standard error, and makes those
// libraries write there that know one log a process only.
func openLog(out output, format, level string) (*slog.Logger, error) {
	log, err := logs.New(out.Err, format, level)
	if err != nil {
		return nil, err
	}
	slog.SetDefault(log) // and with it the standard library's
	words := slog.NewLogLogger(logs.Library(log, "paho").Handler(), slog.LevelDebug)
	paho.CRITICAL, paho.ERROR, paho.WARN = words, words, words
	return log, nil
}
