package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestMain is the program of a test when the environment says so: one that heeds
// the first signal and then hangs.
func TestMain(m *testing.M) {
	if os.Getenv(hanging) == "" {
		os.Exit(m.Run())
	}
	ctx, _ := heed()
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println("told")
	select {}
}

const hanging = "THERMARACK_TEST_HANGS"

func TestASecondSignalEndsWhatDoesNotHeedTheFirst(t *testing.T) {
	t.Parallel()
	program := exec.CommandContext(t.Context(), os.Args[0])
	program.Env = append(os.Environ(), hanging+"=1")
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Process.Kill() }() // if it has not gone
	lines := bufio.NewScanner(out)
	for _, want := range []string{"ready", "told"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("it says %q, want %q", lines.Text(), want)
		}
		if err := program.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	again := time.NewTicker(10 * time.Millisecond) // the second may come before the first is done with
	defer again.Stop()
	for giveUp := time.After(10 * time.Second); ; {
		select {
		case <-ended:
			status := program.ProcessState.Sys().(syscall.WaitStatus)
			if !status.Signaled() || status.Signal() != syscall.SIGTERM {
				t.Errorf("it ended with %v, want by the signal", program.ProcessState)
			}
			return
		case <-again.C:
			_ = program.Process.Signal(syscall.SIGTERM)
		case <-giveUp:
			t.Fatal("it still runs")
		}
	}
}
