package terminal

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/paywatt/paywatt/meter/panel"
)

// Sizes of the smallest window for each layout. The full layout shows everything. The medium layout shows the display
// and the keypad. The small layout shows only the display.
const (
	fullWidth, fullHeight     = 80, 24
	mediumWidth, mediumHeight = 44, 13
	smallWidth, smallHeight   = 20, 4
)

// draw fills the window and never exceeds it.
func (m *model) draw() string {
	if m.width == 0 || m.height == 0 {
		return ""
	}
	var lines []string
	switch {
	case m.width >= fullWidth && m.height >= fullHeight:
		lines = m.full()
	case m.width >= mediumWidth && m.height >= mediumHeight:
		lines = m.medium()
	case m.width >= smallWidth && m.height >= smallHeight:
		lines = m.small()
	default:
		lines = []string{"window", "too small", "q: quit"}
	}
	lines = lines[:min(len(lines), m.height)]
	cut := lipgloss.NewStyle().Inline(true).MaxWidth(m.width)
	for i, l := range lines {
		lines[i] = cut.Render(m.plain(l))
	}
	return strings.Join(lines, "\n")
}

// plain replaces characters outside ASCII, if the user wants that.
func (m *model) plain(line string) string {
	if !m.c.ASCII {
		return line
	}
	return strings.NewReplacer("●", "*", "▲", "!", "■", "#", "○", "o", "◐", "~", "◑", "~", "×", "x", "·", "-").Replace(line)
}

// full draws everything, in 80 by 24.
func (m *model) full() []string {
	top := lipgloss.JoinHorizontal(lipgloss.Top, m.display(), "  ", m.keypad(), "  ", m.facts())
	lines := append([]string{m.title(m.width), ""}, strings.Split(top, "\n")...)
	lines = append(lines, "", bold().Render("Messages and notes"))
	const below = 3 // problem and help
	room := m.height - len(lines) - below
	lines = append(lines, m.messages(room)...)
	return append(lines, m.ask(),
		faint().Render("0-9 * # keypad  Enter #  Esc *  + - load  l watts  t time  : SMS"),
		faint().Render("m mains  x cover  g network off/on  paste a token  q quit"))
}

// medium draws display and keypad.
func (m *model) medium() []string {
	left := lipgloss.JoinVertical(lipgloss.Left, m.display(), m.supply(), m.seen.Light, "Load "+strconv.FormatInt(m.seen.Load, 10)+" W")
	top := lipgloss.JoinHorizontal(lipgloss.Top, left, "  ", m.keypad())
	lines := append([]string{m.title(m.width)}, strings.Split(top, "\n")...)
	return append(lines, m.ask(), faint().Render("+ - load  t time  : SMS  m mains  q quit"))
}

// small draws the display.
func (m *model) small() []string {
	lines := append([]string{}, m.seen.LCD...)
	if room := m.height - len(lines); room >= 2 {
		lines = append(lines, m.supply())
	}
	return append(lines, "q quit")
}

func bold() lipgloss.Style  { return lipgloss.NewStyle().Bold(true) }
func faint() lipgloss.Style { return lipgloss.NewStyle().Faint(true) }

// title returns the first line: the meter number, the word TEST, and the meter's time and speed.
func (m *model) title(width int) string {
	left := " Meter " + m.seen.Number + "  TEST "
	right := " " + m.seen.Time + "  " + m.speed() + " "
	room := width - lipgloss.Width(left) - lipgloss.Width(right)
	if room < 0 {
		right, room = "", max(width-lipgloss.Width(left), 0)
	}
	return lipgloss.NewStyle().Reverse(true).Render(left + strings.Repeat(" ", room) + right)
}

// speed returns the speed of the meter's time as text.
func (m *model) speed() string {
	if m.seen.Speed == 0 {
		return "time stands"
	}
	return "time ×" + strconv.Itoa(m.seen.Speed)
}

func (m *model) border() lipgloss.Border {
	if m.c.ASCII {
		return lipgloss.ASCIIBorder()
	}
	return lipgloss.NormalBorder()
}

// display draws the display in its frame, with the signs beside it.
func (m *model) display() string {
	size := m.dev.Display()
	rows := make([]string, 0, size.Height())
	for _, l := range m.seen.LCD {
		rows = append(rows, fmt.Sprintf("%-*s", size.Width(), l))
	}
	lit := lipgloss.NewStyle().Foreground(lipgloss.Color("0")).Background(lipgloss.Color("2")).Padding(0, 1)
	if !m.seen.Power {
		lit = lipgloss.NewStyle().Padding(0, 1)
	}
	box := lipgloss.NewStyle().Border(m.border()).Render(lit.Render(strings.Join(rows, "\n")))
	if size == panel.Large {
		return box // the display shows its signs itself
	}
	return lipgloss.JoinVertical(lipgloss.Left, box, " "+m.seen.Signs)
}

// keypad draws the twelve keys.
func (m *model) keypad() string {
	b := m.border()
	edge := func(left, mid, right string) string {
		side := strings.Repeat(b.Top, 3)
		return left + side + mid + side + mid + side + right
	}
	lines := []string{edge(b.TopLeft, b.MiddleTop, b.TopRight)}
	for i, row := range []string{"123", "456", "789", "*0#"} {
		if i > 0 {
			lines = append(lines, edge(b.MiddleLeft, b.Middle, b.MiddleRight))
		}
		line := b.Left
		for _, key := range row {
			line += " " + bold().Render(string(key)) + " " + b.Left
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, edge(b.BottomLeft, b.MiddleBottom, b.BottomRight)), "\n")
}

// supply describes the supply, in the colour of its meaning.
func (m *model) supply() string {
	colours := map[string]color.Color{
		"ok": lipgloss.Color("2"), "warn": lipgloss.Color("3"), "bad": lipgloss.Color("1"), "off": lipgloss.Color("8"),
	}
	return lipgloss.NewStyle().Foreground(colours[m.seen.State]).Render(m.seen.Supply)
}

// facts describes what can be seen of the meter besides display and keypad.
func (m *model) facts() string {
	mains, cover := "on", "closed"
	if !m.seen.Power {
		mains = "off"
	}
	if m.seen.Tamper {
		cover = "open"
	}
	lines := [][2]string{
		{"Supply", m.supply()}, {"Light", m.seen.Light}, {"Sound", m.seen.Sound},
		{"Load", strconv.FormatInt(m.seen.Load, 10) + " W switched on"}, {"Register", m.seen.Register}, {"Mains", mains + ", cover " + cover},
		{"Server", m.seen.Server}, {"Records", strconv.Itoa(m.seen.Waiting) + " not acknowledged"},
		{"Token", strings.TrimSuffix(strings.TrimPrefix(m.seen.Said, "Last token: "), ".")},
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = faint().Render(fmt.Sprintf("%-9s", l[0])) + l[1]
	}
	return strings.Join(out, "\n")
}

// messages returns the newest messages of the meter and lines of the log, newest last, in at most rows lines.
func (m *model) messages(rows int) []string {
	var lines []string
	if m.c.Notes != nil {
		lines = append(lines, m.c.Notes.Lines()...)
	}
	for _, s := range m.seen.Sent {
		lines = append(lines, "SMS to "+s.To+": "+s.Text)
	}
	var out []string
	for _, l := range lines {
		out = append(out, wrap(l, m.width-1)...)
	}
	if len(out) == 0 {
		out = []string{faint().Render("None yet.")}
	}
	out = out[max(len(out)-rows, 0):]
	for len(out) < rows {
		out = append(out, "")
	}
	return out
}

// wrap breaks a text into lines, between words where possible.
func wrap(text string, width int) []string {
	return strings.Split(lipgloss.Wrap(text, width, " "), "\n")
}

// ask returns the line that asks the user for input, or says why something did not work.
func (m *model) ask() string {
	switch m.prompt {
	case promptSMS:
		return "SMS from " + m.c.Phone + ": " + tail(m.typed, m.width-len(m.c.Phone)-13) + "_"
	case promptLoad:
		return "Load in watts: " + m.typed + "_"
	}
	if m.problem == "" {
		return ""
	}
	return lipgloss.NewStyle().Foreground(lipgloss.Color("1")).Render(m.problem)
}

// tail returns the end of a text, as much as fits.
func tail(text string, width int) string {
	r := []rune(text)
	return string(r[max(len(r)-max(width, 1), 0):])
}
