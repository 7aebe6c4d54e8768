package core_test

import (
	"errors"
	"testing"
	"testing/iotest"

	"github.com/paywatt/paywatt/internal/store/core"
)

// TestReceiptsAreNotMarkedWithoutRandomLetters: an epoch without letters would number its
// receipts like another copy of the same backup.
func TestReceiptsAreNotMarkedWithoutRandomLetters(t *testing.T) {
	noRandom := errors.New("no random bytes")
	tx := core.Tx{Rand: iotest.ErrReader(noRandom)}
	if err := tx.MarkReceipts("2"); !errors.Is(err, noRandom) {
		t.Errorf("the letters of an epoch without random bytes: %v", err)
	}
}
