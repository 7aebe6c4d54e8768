package wallet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// watch stores the server's notes about its meters in memory.
type watch struct {
	disk
	look  wallet.VisibilityInput
	more  bool // more rows wait than one slice holds
	wrote string
}

func (w *watch) LastVisibility() (wallet.VisibilityInput, error) { return w.look, w.fails() }

func (w *watch) NoteVisibility(seen, unseen time.Time) error {
	w.wrote += fmt.Sprintf("saw at %s, unseen %s; ", seen.Format("15:04:05"), unseen.Format("2 15:04:05"))
	return w.fails()
}

func (w *watch) MakeDue(l wallet.DueBounds, max int) (bool, error) {
	w.wrote += fmt.Sprintf("hasten looks after %s, orders %s, messages %s, taken %s, %d each; ", l.Looks.Format("15:04:05"), l.Commands.Sub(w.look.Now),
		l.Messages.Sub(w.look.Now), l.Taken.Sub(w.look.Now), max)
	return w.more, w.fails()
}

// TestSight checks visibility by the server's notes and its clocks.
func TestSight(t *testing.T) {
	now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name                string
		seen, unseen, apart time.Duration // durations before now; 0 for never
		want                time.Duration // duration before now; -1 for never
		doubt               bool
	}{
		{"a new server", 0, 0, 0, -1, false},
		{"always awake", time.Minute, 0, 0, -1, false},
		{"it slept before", time.Minute, time.Hour, 0, time.Hour, false},
		{"two minutes are no sleep", 2 * time.Minute, time.Hour, 0, time.Hour, false},
		{"it slept until now", 2*time.Minute + 1, time.Hour, 0, 2*time.Minute + 1, false},
		{"a small step back", -2 * time.Minute, time.Hour, 0, time.Hour, false},
		{"set back", -2*time.Minute - 1, time.Hour, 0, 0, true},
		{"a clock that nobody trusts yet", time.Second, -time.Second, 0, 0, true},
		{"it slept while nobody trusted its clock", 10 * time.Minute, -23 * time.Hour, 0, 0, true},
		{"two clocks a minute apart", time.Second, time.Hour, -time.Minute, time.Hour, false},
		{"two clocks further apart", time.Second, time.Hour, -time.Minute - 1, 0, true},
	} {
		at := func(before time.Duration) (at time.Time) {
			if before != 0 {
				at = now.Add(-before)
			}
			return at
		}
		s, err := wallet.VisibilityOf(&watch{look: wallet.VisibilityInput{Seen: at(c.seen), Unseen: at(c.unseen), Now: now, Apart: c.apart}})
		want := now.Add(-c.want)
		if c.want < 0 {
			want = time.Time{}
		}
		if err != nil || !s.Unseen.Equal(want) || s.Doubt != c.doubt {
			t.Errorf("%s: unseen %s, doubt %t, %v; want %s, %t", c.name, s.Unseen, s.Doubt, err, want, c.doubt)
		}
	}
}

// TestLooking: a server whose clock was set back first makes pending work due, and does not count as seeing its meters before that is done.
func TestLooking(t *testing.T) {
	now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	const hastened = "hasten looks after 12:00:00, orders 2h0m0s, messages 48h0m0s, taken 2m0s, 100 each; "
	for _, c := range []struct {
		name string
		seen time.Time
		more bool
		look func(wallet.VisibilityTx) error
		want string
	}{
		{"out", now.Add(-time.Minute), false, wallet.NoteSeen, "saw at 12:00:00, unseen 17 12:00:00; "},
		{"out after a sleep", now.Add(-time.Hour), false, wallet.NoteSeen, "saw at 12:00:00, unseen 18 11:00:00; "},
		{"away", now.Add(-time.Minute), false, wallet.NoteBlind, "saw at 12:00:00, unseen 19 12:00:00; "},
		{"out, set back", now.Add(time.Hour), false, wallet.NoteSeen, hastened + "saw at 12:00:00, unseen 18 12:00:00; "},
		{"out, set back, more waits", now.Add(time.Hour), true, wallet.NoteSeen, hastened},
		{"away, set back", now.Add(time.Hour), false, wallet.NoteBlind, hastened + "saw at 12:00:00, unseen 19 12:00:00; "},
		{"away, set back, more waits", now.Add(time.Hour), true, wallet.NoteBlind, hastened},
	} {
		w := &watch{look: wallet.VisibilityInput{Seen: c.seen, Unseen: now.Add(-24 * time.Hour), Now: now, Apart: time.Hour}, more: c.more}
		if err := c.look(w); err != nil || w.wrote != c.want {
			t.Errorf("%s: %v, %q, want %q", c.name, err, w.wrote, c.want)
		}
	}
}

// sent is the transaction of [wallet.NoticeSent]. It holds the entry for the audit log, and which wallets were read.
type sent struct {
	*rig
	entry access.Entry
	asked string
}

func (s *sent) Scope() (access.Tenant, int64) { return 1, 1 }
func (s *sent) Moment() time.Time             { return s.now }

func (s *sent) AuditLog(e access.Entry) error {
	s.entry = e
	return s.fails()
}

func (s *sent) MeterByNumber(number string) (registry.Meter, bool, error) {
	return registry.Meter{ID: id.ID{15: 3}, N: 1, Number: number}, number == "m1", s.fails()
}

func (s *sent) WalletOf(n int64) ([]wallet.Row, error) {
	s.asked += fmt.Sprintf("meter %d", n)
	return s.rig.WalletOf(n)
}

func (s *sent) WalletsOf(account id.ID) ([]wallet.Row, error) {
	s.asked += "account " + account.Text(id.Account)
	return s.rig.WalletsOf(account)
}

// TestANoticeThatHasLeftIsNoted: a sent notice is in the audit log, and an urgent one begins the notice period of every meter of its
// account.
func TestANoticeThatHasLeftIsNoted(t *testing.T) {
	account := (id.ID{15: 1}).Text(id.Account)
	for _, c := range []struct {
		kind        wallet.NoticeKind
		body        string
		asked, said string
	}{
		{wallet.NoticeLow1, `{"meter":"m1","account":"` + account + `","available_minor":5,"currency":"KES"}`, "", "notice.wallet-low available_minor=5 KES"},
		{wallet.NoticeLow2, `{"meter":"m1","account":"` + account + `","available_minor":5,"currency":"KES","test":true}`, "account " + account, "notice.wallet-urgent available_minor=5 KES TEST"},
		{wallet.NoticeOut, `{"meter":"m1","available_minor":-5,"currency":"KES"}`, "meter 1", "notice.wallet-used-up available_minor=-5 KES"},
		{wallet.NoticeOn, `{"meter":"m1","account":"` + account + `","available_minor":5,"currency":"KES","press_key":true}`, "", "notice.supply-on available_minor=5 KES press_key"},
		{wallet.NoticeOut, `{"meter":"m2","available_minor":-5,"currency":"KES"}`, "", " "},
	} {
		s := &sent{rig: newRig(t, 100, 2)}
		k, earlier := s.kept[2], s.now.Add(-time.Hour)
		k.Noticed = earlier
		s.kept[2] = k
		if err := wallet.NoticeSent(s, c.kind, []byte(c.body)); err != nil {
			t.Fatal(err)
		}
		if said := s.entry.Action + " " + s.entry.After; said != c.said || s.asked != c.asked {
			t.Errorf("%s: %q is noted, %q asked for; want %q, %q", c.kind, said, s.asked, c.said, c.asked)
		}
		if counts := !s.kept[1].Noticed.IsZero(); counts != (c.asked != "") || counts && !s.kept[1].Noticed.Equal(s.now) || !s.kept[2].Noticed.Equal(earlier) {
			t.Errorf("%s: warned at %s and %s", c.kind, s.kept[1].Noticed, s.kept[2].Noticed)
		}
	}
	for _, body := range []string{"{", `{"meter":"m1","account":"nobody"}`} {
		if err := wallet.NoticeSent(&sent{rig: newRig(t, 100, 1)}, wallet.NoticeOut, []byte(body)); err == nil {
			t.Errorf("%s is noted", body)
		}
	}
}
