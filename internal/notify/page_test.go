package notify_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/pagelink"
)

// pages knows one address, or why it cannot be read.
type pages struct {
	public  bool
	address string
	err     error
}

func (p pages) Public() bool { return p.public }
func (p pages) Address(pagelink.RowTx, int64, id.ID) (access.Secret, error) {
	return access.SecretOf(p.address), p.err
}

func (h *hall) PageLinks() pagelink.RowTx { return nil }

// TestWhichMessagesBringTheAddressOfAPage: a message that answers the question for the page brings its address, or is not sent. A message about
// a whole sale has it behind its text, and is sent without it too. An address that is too long counts as none.
func TestWhichMessagesBringTheAddressOfAPage(t *testing.T) {
	const short, none = "https://pay.example/p/abc", "there is no page, or no short address of it"
	longest := "https://" + strings.Repeat("p", notify.MaxPage-8)
	failure := errors.New("the disk is broken")
	for name, c := range map[string]struct {
		purpose notify.Purpose
		pages   notify.Pages
		address string // the address in the message that leaves
		why     string // why none leaves
		err     error
	}{
		"the page":                             {notify.PurposePage, pages{true, short, nil}, short, "", nil},
		"the page, its address just fits":      {notify.PurposePage, pages{true, longest, nil}, longest, "", nil},
		"the page, its address is too long":    {notify.PurposePage, pages{true, longest + "p", nil}, "", none, nil},
		"there is no page":                     {notify.PurposePage, pages{true, "", nil}, "", none, nil},
		"nobody can reach the page":            {notify.PurposePage, pages{false, short, nil}, "", none, nil},
		"the server has no pages":              {notify.PurposePage, nil, "", none, nil},
		"the address cannot be read":           {notify.PurposePage, pages{true, "", failure}, "", "", failure},
		"a sale":                               {notify.PurposeRecharge, pages{true, short, nil}, short, "", nil},
		"a sale, the address is too long":      {notify.PurposeRecharge, pages{true, longest + "p", nil}, "", "", nil},
		"a sale, there is no page":             {notify.PurposeRecharge, pages{true, "", nil}, "", "", nil},
		"a sale, nobody can reach the page":    {notify.PurposeRecharge, pages{false, short, nil}, "", "", nil},
		"a sale, the address cannot be read":   {notify.PurposeRecharge, pages{true, "", failure}, "", "", failure},
		"a notice":                             {notify.PurposeRestored, pages{true, short, nil}, "", "", nil},
		"a notice, the address cannot be read": {notify.PurposeRestored, pages{true, "", failure}, "", "", nil},
	} {
		h, a, _ := newHall(t)
		config := h.config()
		config.Door, config.Pages = h, c.pages
		m := h.queues(notice(c.purpose))
		_, err := notify.New(config).Serve(t.Context(), 1)
		if !errors.Is(err, c.err) || h.of(m).Failure != c.why || (h.of(m).State == notify.Suppressed) != (c.why != "") {
			t.Errorf("%s: %v, %s", name, err, h.state(m))
		}
		if leaves := c.err == nil && c.why == ""; leaves != (len(a.sent) == 1) {
			t.Errorf("%s: %d messages left", name, len(a.sent))
			continue
		}
		for _, sent := range a.sent {
			if got := strings.Contains(sent.Text, "https://"); got != (c.address != "") || !strings.Contains(sent.Text, c.address) {
				t.Errorf("%s: sent %q, want the address %q in it", name, sent.Text, c.address)
			}
		}
	}
}
