package outbox_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/wire"
	"pgregory.net/rapid"
)

func fill(t *testing.T, b *outbox.Box, from, to uint64) {
	t.Helper()
	for seq := from; seq <= to; seq++ {
		if added, _ := b.Append(outbox.Entry{Seq: seq, Kind: wire.KindReading}); !added {
			t.Fatalf("record %d was refused", seq)
		}
	}
}

func seqs(entries []outbox.Entry) (first, last uint64, n int) {
	if len(entries) == 0 {
		return 0, 0, 0
	}
	return entries[0].Seq, entries[len(entries)-1].Seq, len(entries)
}

func TestNothingIsOfferedBeforeItIsDurable(t *testing.T) {
	b := outbox.New(1, 0)
	fill(t, b, 1, 3)
	if got := b.Next(0); len(got) != 0 {
		t.Fatalf("%d records offered before they were durable", len(got))
	}
	b.Durable()
	fill(t, b, 4, 4)
	if first, last, n := seqs(b.Next(0)); first != 1 || last != 3 || n != 3 {
		t.Errorf("offered %d to %d (%d), want 1 to 3", first, last, n)
	}
}

func TestTheWindowMovesWithTheAcknowledgement(t *testing.T) {
	b := outbox.New(1, 0)
	fill(t, b, 1, 200)
	b.Durable()
	if first, last, _ := seqs(b.Next(0)); first != 1 || last != wire.Window {
		t.Errorf("offered %d to %d, want 1 to 64", first, last)
	}
	if got := b.Next(wire.Window); len(got) != 0 {
		t.Errorf("%d records offered beyond the window", len(got))
	}
	b.Ack(wire.Ack{Seq: 10})
	if first, last, _ := seqs(b.Next(wire.Window)); first != 65 || last != 74 {
		t.Errorf("after ack 10 offered %d to %d, want 65 to 74", first, last)
	}
	for _, a := range []wire.Ack{{Seq: 9}, {Seq: 10}, {Seq: 201}, {Seq: 500, Rewind: true}} {
		if b.Ack(a) {
			t.Errorf("ack %+v moved the mark from 10 of 200", a)
		}
	}
}

func TestARewindOffersAcknowledgedRecordsAgain(t *testing.T) {
	b := outbox.New(1, 100)
	fill(t, b, 1, 100)
	b.Durable()
	b.Ack(wire.Ack{Seq: 100})
	fill(t, b, 101, 140)
	b.Durable()
	if !b.Ack(wire.Ack{Seq: 90, Rewind: true}) {
		t.Fatal("the rewind to 90 was ignored")
	}
	if first, last, _ := seqs(b.Next(0)); first != 91 || last != 140 {
		t.Errorf("offered %d to %d, want 91 to 140", first, last)
	}
	// Records 1 to 40 were dropped when records 101 to 140 came.
	b.Ack(wire.Ack{Seq: 5, Rewind: true})
	if first, _, _ := seqs(b.Next(0)); first != 41 {
		t.Errorf("after a rewind below what is held the first is %d, want 41", first)
	}
}

func TestTheOldestGoesWhenThereIsNoRoom(t *testing.T) {
	b := outbox.New(1, 64)
	fill(t, b, 1, 64)
	b.Durable()
	b.Ack(wire.Ack{Seq: 1})
	if _, lost := b.Append(outbox.Entry{Seq: 65}); lost {
		t.Error("an acknowledged record counted as lost")
	}
	if _, lost := b.Append(outbox.Entry{Seq: 66}); !lost {
		t.Error("record 2 went unacknowledged and nobody said so")
	}
	if m := b.Marks(); m.Lowest != 3 || m.Acked != 2 || m.Dropped != 1 || m.Next != 67 {
		t.Errorf("marks %+v, want lowest 3, acked 2, dropped 1, next 67", m)
	}
	if added, _ := b.Append(outbox.Entry{Seq: 68}); added {
		t.Error("a record that leaves a hole was taken")
	}
}

func TestChangesWakeTheLink(t *testing.T) {
	b := outbox.New(1, 0)
	changed := b.Listen()
	fill(t, b, 1, 2)
	b.Durable()
	select {
	case <-changed:
	default:
		t.Error("no signal after records became durable")
	}
	b.Durable()
	select {
	case <-changed:
		t.Error("a signal although nothing changed")
	default:
	}
}

// TestEveryRecordIsOfferedUntilAcknowledged tries appends, syncs, acknowledgements and rewinds in any order.
func TestEveryRecordIsOfferedUntilAcknowledged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := outbox.New(1, rapid.IntRange(64, 100).Draw(t, "keep"))
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "act") {
			case 0:
				for range rapid.IntRange(1, 20).Draw(t, "records") {
					b.Append(outbox.Entry{Seq: b.Marks().Next})
				}
			case 1:
				b.Durable()
			case 2:
				b.Ack(wire.Ack{Seq: rapid.Uint64Range(0, 300).Draw(t, "ack"), Rewind: rapid.Bool().Draw(t, "rewind")})
			}
			m := b.Marks()
			if m.Acked > m.Durable || m.Durable >= m.Next || m.Lowest > m.Acked+1 || m.Next-m.Lowest > uint64(b.Keep()) {
				t.Fatalf("marks %+v with room for %d", m, b.Keep())
			}
			got := b.Next(0)
			if want := min(m.Waiting(), wire.Window); len(got) != want {
				t.Fatalf("%d offered, want %d of %+v", len(got), want, m)
			}
			for i, e := range got {
				if e.Seq != m.Acked+1+uint64(i) {
					t.Fatalf("offered %d at place %d above %d", e.Seq, i, m.Acked)
				}
			}
		}
	})
}
