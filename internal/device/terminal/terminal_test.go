package terminal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/face"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
)

var start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

const phone = "+254700000001"

// rig is a meter in a terminal whose keys and clock the test controls.
type rig struct {
	*model
	t   *testing.T
	now time.Time
}

func newRig(t *testing.T, size panel.Size, net face.Net) *rig {
	t.Helper()
	return newRigOn(t, &memory.RAMImage{}, size, net)
}

func newRigOn(t *testing.T, image journal.Memory, size panel.Size, net face.Net) *rig {
	t.Helper()
	key, err := sts.NewKey(sts.EA07, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	if err != nil {
		t.Fatal(err)
	}
	keys := meter.NewKeys(key, meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255})
	log := slog.New(slog.DiscardHandler)
	dev, err := device.Open(device.Config{
		Number: "12345678903", Keys: &keys, Image: image, Log: memory.NewRAM(), Rand: strings.NewReader("12345678"),
		Now: start, Phones: []string{phone}, Display: size,
	})
	if err != nil {
		t.Fatal(err)
	}
	m := &model{c: Config{Device: dev, Net: net, Log: log, Notes: &Notes{}, Phone: phone}, dev: dev, meter: face.New(dev, net, log, start)}
	d := &rig{model: m, t: t, now: start}
	d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	return d
}

// send passes a message to the program; quit says that it ended the program.
func (d *rig) send(msg tea.Msg) (quit bool) {
	d.t.Helper()
	_, next := d.Update(msg)
	d.fits()
	if _, waits := msg.(tickMsg); next == nil || waits && d.end == nil {
		return false // a tick schedules the next one
	}
	_, quit = next().(tea.QuitMsg)
	return quit
}

// keys presses keys: each character, or a name in angle brackets.
func (d *rig) keys(keys string) (quit bool) {
	d.t.Helper()
	named := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "backspace": tea.KeyBackspace}
	for keys != "" {
		msg := tea.KeyPressMsg{Code: rune(keys[0]), Text: keys[:1]}
		if name, rest, is := strings.Cut(keys[1:], ">"); keys[0] == '<' && is {
			msg, keys = tea.KeyPressMsg{Code: named[name]}, rest
		} else {
			keys = keys[1:]
		}
		quit = d.send(msg)
	}
	return quit
}

// pass lets real time pass, tick by tick.
func (d *rig) pass(t time.Duration) {
	d.t.Helper()
	for range int(t / time.Second) {
		d.now = d.now.Add(time.Second)
		d.send(tickMsg(d.now))
	}
}

// fits fails the test if the screen exceeds its window.
func (d *rig) fits() {
	d.t.Helper()
	lines := strings.Split(d.View().Content, "\n")
	if d.height > 0 && len(lines) > d.height {
		d.t.Errorf("%d by %d: %d lines", d.width, d.height, len(lines))
	}
	for _, l := range lines {
		if w := lipgloss.Width(l); w > d.width {
			d.t.Errorf("%d by %d: a line of %d: %q", d.width, d.height, w, l)
		}
	}
}

// has fails the test if the screen lacks a text.
func (d *rig) has(wants ...string) {
	d.t.Helper()
	for _, want := range wants {
		if screen := d.View().Content; !strings.Contains(screen, want) {
			d.t.Errorf("no %q on the screen:\n%s", want, screen)
		}
	}
}

func token(t *testing.T) string {
	t.Helper()
	key, err := sts.NewKey(sts.EA07, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := sts.EncodeCredit(key, sts.Credit{TID: 5_871_715, Amount: 100})
	if err != nil {
		t.Fatal(err)
	}
	return tok.Reveal()
}

func TestATokenIsTyped(t *testing.T) {
	d := newRig(t, panel.Small, nil)
	d.has("CREDIT  0.00 kWh", "■ Off: credit", "2026-11-20 08:00:00 UTC", "none, this meter is offline")
	d.keys(token(t) + "<enter>")
	d.has("ACCEPTED  +10.00", "CREDIT 10.00 kWh", "On", "accept")
	d.keys("<esc>")
	d.has("1 RECHARGE")
}

func TestATokenIsPasted(t *testing.T) {
	d := newRig(t, panel.Large, nil)
	digits := token(t)
	d.send(tea.PasteMsg{Content: "Token: " + digits[:4] + " " + digits[4:10] + "-" + digits[10:] + "\n"})
	d.has("20/20")
	d.keys("#")
	d.has("ACCEPTED")
	d.send(tea.PasteMsg{Content: "1234"})
	d.has("Nothing was typed")
}

func TestTheWorldAroundTheMeter(t *testing.T) {
	d := newRig(t, panel.Small, nil)
	d.keys(token(t) + "#")
	d.keys("l2000<enter>")
	d.has("2000 W switched on")
	d.keys("+")
	d.has("2100 W")
	d.keys("--")
	d.has("1900 W")
	d.keys("lmuch<enter>")
	d.has("That did not work", "whole watts", "1900 W")
	d.keys("x")
	d.has("cover open")
	d.keys("x")
	d.has("cover closed")
	d.keys("m")
	d.has("No mains", "off, cover")
	d.keys("1")
	d.has("no mains. Switch it on")
	d.keys("m")
	d.has("on, cover")
	d.keys("g")
	d.has("this meter is offline and has no modem")
}

func TestMessagesToTheMeter(t *testing.T) {
	d := newRig(t, panel.Small, nil)
	d.keys(":*01q#<backspace><backspace>#")
	d.has("SMS from "+phone+": *01#_", "CREDIT")
	d.keys("<enter>")
	d.has("SMS to " + phone + ": Balance 0.0 kWh")
	d.keys(":*02#<esc>")
	if d.keys(":<enter>") || d.prompt != promptNone {
		t.Error("an empty message does not end the prompt")
	}
	d.keys(":")
	d.send(tea.PasteMsg{Content: strings.Repeat("7", 500) + "\x1b[2J\n"})
	if len(d.typed) != maxTyped || strings.ContainsAny(d.typed, "\x1b\n") {
		t.Errorf("a paste of 500 characters leaves %d: %q", len(d.typed), d.typed)
	}
}

func TestTimePasses(t *testing.T) {
	d := newRig(t, panel.Small, nil)
	d.pass(10 * time.Second)
	d.has("08:00:10", "time ×1")
	d.keys("t")
	d.pass(10 * time.Second)
	d.has("08:10:10", "time ×60")
	d.keys("tt")
	d.pass(10 * time.Second)
	d.has("08:10:10", "time stands")
	d.now = d.now.Add(time.Hour) // the machine slept
	d.keys("t")
	d.pass(time.Second)
	d.has("08:10:15")
}

func TestLeaving(t *testing.T) {
	d := newRig(t, panel.Small, nil)
	if d.keys("l q") || !d.keys("<esc>q") {
		t.Error("q in a prompt ends, or q outside does not")
	}
	if !d.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}) {
		t.Error("ctrl+c does not end")
	}
}

// TestEveryWindow draws many window sizes down to zero, with a full prompt and a long note.
func TestEveryWindow(t *testing.T) {
	for _, size := range []panel.Size{panel.Small, panel.Large} {
		d := newRig(t, size, nil)
		_, _ = fmt.Fprintf(d.c.Notes, "%s\n", strings.Repeat("a long note ", 30))
		d.keys("1234:*01#<enter>:" + strings.Repeat("9", 160))
		for width := 0; width < 130; width += 1 + width/20 {
			for height := 0; height < 40; height += 1 + height/10 {
				d.send(tea.WindowSizeMsg{Width: width, Height: height})
			}
		}
		d.send(tea.WindowSizeMsg{Width: 20, Height: 5})
		d.has(d.dev.View().LCD[0], "q quit")
	}
}

func TestASCII(t *testing.T) {
	d := newRig(t, panel.Small, nil)
	d.c.ASCII = true
	for _, keys := range []string{"", token(t) + "#", "l9000<enter>t", "m"} {
		d.keys(keys)
		for _, r := range d.View().Content {
			if r > '~' {
				t.Fatalf("after %q: %q on the screen", keys, r)
			}
		}
	}
	d.has("+---+---+---+", "o No mains")
}

// modem is a connection that only counts how often it is switched.
type modem struct{ off, on int }

func (*modem) Messages() <-chan link.Message { return nil }
func (*modem) Status() link.Status           { return link.Status{Connected: true} }
func (m *modem) Power(on bool) {
	if on {
		m.on++
	} else {
		m.off++
	}
}

func TestTheNetworkGoesAndComes(t *testing.T) {
	net := &modem{}
	d := newRig(t, panel.Small, net)
	d.has("connected")
	if d.keys("g"); net.off != 1 {
		t.Error("g does not take the network away")
	}
	if d.keys("g"); net.on != 1 {
		t.Error("g does not give it back")
	}
	if d.keys("m"); net.off != 2 {
		t.Error("without mains the modem runs on")
	}
	d.keys("g")
	if d.keys("g"); net.on != 1 {
		t.Error("a modem without mains is switched on")
	}
}

// worn is a memory that fails after a while.
type worn struct {
	*memory.RAMImage
	fails bool
}

func (w *worn) WriteAt(b []byte, at int64) (int, error) {
	if w.fails {
		return 0, io.ErrShortWrite
	}
	return w.RAMImage.WriteAt(b, at)
}

// TestAFailedMemoryEndsTheProgram checks that the program ends when the memory fails, because it must not show a meter
// that cannot be trusted.
func TestAFailedMemoryEndsTheProgram(t *testing.T) {
	image := &worn{RAMImage: &memory.RAMImage{}}
	d := newRigOn(t, image, panel.Small, nil)
	image.fails = true
	if !d.keys(token(t)+"#") || !errors.Is(d.end, device.ErrBroken) {
		t.Errorf("the program goes on, and says %v", d.end)
	}
	if strings.Contains(d.View().Content, "ACCEPTED") {
		t.Error("a token that is not durable is shown as accepted")
	}
}

func TestNotesAreCleanAndFew(t *testing.T) {
	var n Notes
	for i := range 30 {
		if _, err := fmt.Fprintf(&n, "line %d\x1b[31m\a\n", i); err != nil {
			t.Fatal(err)
		}
	}
	lines := n.Lines()
	if len(lines) != maxNotes || lines[0] != "line 20[31m" || lines[9] != "line 29[31m" {
		t.Errorf("%q", lines)
	}
}
