package linux

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/meter"
)

// The keypad: four rows of three.
const (
	padRows = 4
	padCols = 3
	padKeys = "123456789*0#"
)

// Times of the keypad.
const (
	// padScan is the time between two scans. A key counts as pressed or released after padSettle equal scans in a row.
	padScan   = 10 * time.Millisecond
	padSettle = 3
)

// Keypad scans a matrix of keys: it drives one row after the other and reads the columns. It reports a key once, when
// it is pressed, and ignores two keys at once.
type Keypad struct {
	rows, cols *Lines
	keys       chan byte
}

// NewKeypad returns a keypad with four outputs for the rows, top first, and three inputs for the columns.
func NewKeypad(rows, cols *Lines) *Keypad {
	return &Keypad{rows: rows, cols: cols, keys: make(chan byte, len(padKeys))}
}

// Keys implements board.Keypad.
func (k *Keypad) Keys() <-chan byte { return k.keys }

// Run scans until ctx ends or the lines fail. Keys wait in a buffer until they are read; when it is full, further keys
// are lost.
func (k *Keypad) Run(ctx context.Context) error {
	ticker := time.NewTicker(padScan)
	defer ticker.Stop()
	var now, down byte
	for same := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		key, err := k.scan()
		if err != nil {
			return fmt.Errorf("scan keypad: %w", err)
		}
		if key != now {
			now, same = key, 0
		}
		if same++; same != padSettle || key == down {
			continue
		}
		if down = key; key == 0 {
			continue
		}
		select {
		case k.keys <- key:
		default:
		}
	}
}

// scan returns the one key that is pressed, 0 for none or several.
func (k *Keypad) scan() (key byte, err error) {
	n := 0
	for row := range padRows {
		if err := k.rows.Set(1<<row, 1<<padRows-1); err != nil {
			return 0, err
		}
		v, err := k.cols.Values()
		if err != nil {
			return 0, err
		}
		for col := range padCols {
			if v>>col&1 == 1 {
				key, n = padKeys[row*padCols+col], n+1
			}
		}
	}
	if n != 1 {
		return 0, nil
	}
	return key, nil
}

// Switches are tamper switches on inputs, with optional battery-backed latches.
type Switches struct {
	// Lines are the switches, active when they detect tampering. Kinds are their kinds, in the same order.
	Lines *Lines
	Kinds []meter.Tamper
	// Latches, if not nil, are the latches of the same kinds. A pulse on the output Reset clears them all.
	Latches, Reset *Lines
}

// Open implements board.Switches. If the lines cannot be read, it returns no tampering. If the whole chip has failed,
// reading the relay or the keypad returns an error.
func (s *Switches) Open() meter.Tampers { return s.kinds(s.Lines) }

func (s *Switches) kinds(l *Lines) (set meter.Tampers) {
	if l == nil {
		return 0
	}
	v, err := l.Values()
	if err != nil {
		return 0
	}
	for i, kind := range s.Kinds {
		if v>>i&1 == 1 {
			set = set.With(kind)
		}
	}
	return set
}

// Latched implements board.Switches. A latch that cannot be cleared is reported again at the next start.
func (s *Switches) Latched() meter.Tampers {
	set := s.kinds(s.Latches)
	if set != 0 && s.Reset != nil && s.Reset.Set(1, 1) == nil {
		_ = s.Reset.Set(0, 1) // an error needs no handling: the next start reports a latch that is still set
	}
	return set
}
