package state_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"thermarack/collector/internal/state"
)

// writerDir names, in the environment, the directory in which this process
// writes documents until it is killed.
const writerDir = "THERMARACK_TEST_STATE_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver tells the number of every document that is on disk. They differ
// in length, so that two of them mixed are no document.
func writeForEver(path string) error {
	dir, err := state.OpenDir(path, slog.New(slog.NewTextHandler(os.Stderr, nil)), nil)
	if err != nil {
		return err
	}
	doc, last, err := state.Open[string](dir, "long", 1)
	if err != nil {
		return err
	}
	first, err := number(last)
	if err != nil {
		return err
	}
	for i := first + 1; ; i++ {
		if err := doc.Write(fmt.Sprint(i, strings.Repeat(" x", i*7919%50_000))); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// number returns the number of a document, 0 of none.
func number(value string) (int, error) {
	if value == "" {
		return 0, nil
	}
	text, _, _ := strings.Cut(value, " ")
	return strconv.Atoi(text)
}

func TestAProcessThatIsKilledWhileItWritesLeavesAWholeDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes; run without -short")
	}
	t.Parallel()
	path := t.TempDir()
	told := 0 // the newest document that was said to be on disk
	for round := range 25 {
		told = max(told, killedAfter(t, path, 1+round%5))
		d := newDesk(t, path)
		_, value, err := state.Open[string](d.dir, "long", 1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := number(value); err != nil || got < told || d.log.Len() > 0 {
			t.Fatalf("document %d (%v) after %d was on disk: %s", got, err, told, &d.log)
		}
	}
	t.Logf("%d documents, 25 kills", told)
}

// killedAfter runs a writer until it has written a few documents, kills it in the
// midst of the next, and returns the number of the last that it told.
func killedAfter(t *testing.T, path string, documents int) (last int) {
	t.Helper()
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), writerDir+"="+path)
	var words strings.Builder
	writer.Stderr = &words
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Error(err)
		}
		if i == documents {
			_ = writer.Process.Kill() // what it still says is read all the same
		}
	}
	_ = writer.Wait() // killed
	if words.Len() > 0 {
		t.Fatalf("the writer said %s", &words)
	}
	return last
}
