package memory_test

import (
	"testing"

	"thermarack/collector/internal/store/memory"
	"thermarack/collector/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Store { return memory.New(0) })
}
