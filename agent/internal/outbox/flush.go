package outbox

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"thermarack/agent/internal/outbox/segment"
)

// flush writes what is not on disk, once the oldest of it has waited long enough
// and the budget allows, both unless closing, where the budget counts alone. It
// returns when to go on; 0 is when there is work.
func (s *spool) flush(closing bool) (wait time.Duration, err error) {
	for {
		oldest, end, ok := s.box.oldest()
		if !ok {
			return 0, nil
		}
		if wait := s.ripen(oldest, end); wait > 0 && !closing {
			return wait, nil
		}
		packs, ids := s.box.batch()
		if len(packs) == 0 {
			continue // the broker has them by now
		}
		frame, n := segment.Append(nil, packs)
		if len(frame) == 0 {
			s.box.passOver(ids[n-1]) // they are too long
			continue
		}
		if wait := s.budget.wait(s.cost(int64(len(frame)))); wait > 0 {
			return wait, nil
		}
		if err := s.append(frame, ids[n-1]); err != nil {
			return 0, err
		}
	}
}

// ripen returns how long the oldest pack has to wait until it is written. That
// is long enough after it was first seen; what came in between goes with it.
func (s *spool) ripen(oldest, end uint64) time.Duration {
	if oldest >= s.mark {
		s.mark, s.ripe = end, time.Now().Add(promptly)
	}
	return time.Until(s.ripe)
}

// begins says that a frame needs a new file.
func (s *spool) begins(length int64) bool {
	return s.current == nil || s.size > 0 && s.size+length > segmentSize
}

// cost returns what a frame brings to the medium.
func (s *spool) cost(length int64) int64 {
	if s.begins(length) {
		return pages(0, length) + 2*overhead // the directory is synced too
	}
	return pages(s.size, s.size+length) + overhead
}

// append writes a frame with the packs up to last.
func (s *spool) append(frame []byte, last uint64) error {
	length := int64(len(frame))
	s.spend(s.cost(length))
	if s.begins(length) {
		if err := s.begin(); err != nil {
			return err
		}
	}
	if _, err := s.current.Write(frame); err != nil {
		return fmt.Errorf("write packs: %w", err)
	}
	if err := s.current.Sync(); err != nil {
		return fmt.Errorf("write packs: %w", err)
	}
	if _, err := os.Stat(s.path); err != nil {
		return fmt.Errorf("packs have vanished from the disk: %w", err)
	}
	s.size += length
	s.box.wrote(s.path, s.size, last)
	s.trim()
	if s.told {
		s.log.Info("packs are on disk again")
		s.told = false
	}
	return nil
}

// begin opens a new file, whose name survives a power cut.
func (s *spool) begin() error {
	s.finish()
	path := filepath.Join(s.Dir, fileName(s.seq))
	f, err := s.create(path)
	if err != nil {
		return fmt.Errorf("write packs: %w", err)
	}
	s.seq++
	s.current, s.path, s.size = f, path, 0
	if err := syncDir(s.Dir); err != nil {
		return fmt.Errorf("write packs: %w", err)
	}
	return nil
}

// syncDir brings the names in a directory to the medium.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// trim deletes the oldest files if there are too many.
func (s *spool) trim() {
	s.box.mu.Lock()
	paths, lost := s.box.ledger.excess(s.MaxBytes)
	s.box.mu.Unlock()
	s.remove(paths)
	s.lost.Add(int64(lost))
}
