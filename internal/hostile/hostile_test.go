package hostile_test

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/hostile"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/statement"
	"github.com/paywatt/paywatt/internal/tier"
)

// readFile reads a file with the decoder that it is for, and returns why the file was refused.
func readFile(k hostile.Kind, file []byte) string {
	switch k {
	case hostile.Workbook, hostile.CSV:
		_, no := sheet.Read(file)
		return no.Detail()
	case hostile.PDU:
		readFrames(file)
		return ""
	}
	_, err := statement.Read(statement.Format(k), bytes.NewReader(file), statement.Options{}, func(statement.Row) error { return nil })
	if err != nil {
		return err.Error()
	}
	return ""
}

// readFrames reads frames as the driver of a modem does.
func readFrames(file []byte) {
	var parts pdu.Assembler
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	for n, line := range bytes.Split(file, []byte("\n")) {
		frame, err := hex.DecodeString(string(line))
		if err != nil {
			continue
		}
		_, message, err := pdu.SplitFrame(frame)
		if err != nil {
			continue
		}
		if d, err := pdu.DecodeDeliver(message); err == nil {
			parts.Add(pdu.Part{Slot: n, Deliver: d}, now)
			parts.Expired(now, false)
		} else {
			_, _ = pdu.DecodeStatusReport(message)
		}
	}
}

// measured reads a file and reports what that cost. Another program may disturb a measurement, so a file that costs too much is read again.
func measured(t *testing.T, f hostile.File) (refused string) {
	t.Helper()
	file := f.Make()
	var cost hostile.Cost
	for range 3 {
		if cost = hostile.Measure(func() { refused = readFile(f.Kind, file) }); !cost.TooMuch() {
			break
		}
	}
	report := t.Logf
	if cost.TooMuch() {
		report = t.Errorf
	}
	report("%-9s %-55s %9d bytes %8.2f s %6.1f MB: %.90s", f.Kind, f.Name, len(file), cost.Time.Seconds(), float64(cost.Memory)/(1<<20), refused)
	return refused
}

// TestHostileFilesAreCheap reads files that are meant to cost as much as possible: each takes at most a second of processor time and 100 MB.
// ./check long reads all of them, more than 300, and ./check those that stand for a kind of attack.
func TestHostileFilesAreCheap(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	for _, f := range hostile.Of(tier.IsLong(), hostile.Workbook, hostile.CSV, hostile.Camt, hostile.Swift, hostile.MPesa, hostile.PDU) {
		measured(t, f)
	}
}

// TestTheLargestHonestFilesAreRead: the same limits leave room for what people really send.
func TestTheLargestHonestFilesAreRead(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	for _, f := range hostile.Honest() {
		if refused := measured(t, f); refused != "" {
			t.Errorf("%s, %s: %s", f.Kind, f.Name, refused)
		}
	}
}

// TestManyShapesOfHostileFiles: there are at least 200 of them, and no two of a kind have one name.
func TestManyShapesOfHostileFiles(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range hostile.Files() {
		seen[string(f.Kind)+" "+f.Name] = true
	}
	if len(seen) < 200 || len(seen) != len(hostile.Files()) {
		t.Errorf("%d files with %d names", len(hostile.Files()), len(seen))
	}
}
