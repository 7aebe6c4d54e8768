package fault_test

import (
	"errors"
	"io"
	"testing"

	"github.com/paywatt/paywatt/internal/fault"
)

func TestWrapSaysWhatWasBeingDone(t *testing.T) {
	err := fault.Wrap(io.ErrUnexpectedEOF, "read debt %q of %d%%", "d-1", 5)
	if got, want := err.Error(), `read debt "d-1" of 5%: unexpected EOF`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the error that happened is not found in the wrapped one")
	}
}

func TestWrapLeavesNoErrorAlone(t *testing.T) {
	if err := fault.Wrap(nil, "list debts"); err != nil {
		t.Errorf("nil became %v", err)
	}
}
