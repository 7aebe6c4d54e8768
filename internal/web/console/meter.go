package console

import (
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// meterDetail is one meter's page: only what the server knows, with when it knew it.
type meterDetail struct {
	row
	Test                        bool
	Panel                       string
	Register, Reasons, LastSeen string
	Key                         string
	Phone                       string
	Tokens                      []tokenLine
	Readings                    []readingLine
	Timeline                    []timeLine
	MayCommand                  bool
	Notice                      string
	CommandError                string
	Cut                         bool // the next act is to restore
}

type tokenLine struct{ Units, State, IssuedAt, SaleID string }

type readingLine struct{ At, Register, Used, Balance, Load string }

type timeLine struct {
	at            time.Time
	At, Text, Sub string
}

// Rows of each list on a meter's page.
const (
	shownTokens   = 10
	shownReadings = 12
	shownEvents   = 20
)

func (s *Console) meter(w http.ResponseWriter, r *http.Request, by access.Actor) {
	s.meterPage(w, r, by, http.StatusOK, "")
}

func (s *Console) meterPage(w http.ResponseWriter, r *http.Request, by access.Actor, status int, commandError string) {
	number := r.PathValue("number")
	v, err := s.c.Registry.Meter(r.Context(), by, number)
	if err != nil {
		s.broken(w, r, by, err)
		return
	}
	if v.Refused() {
		s.refuse(w, r, by, v.Refusal)
		return
	}
	p := s.page(r, by, "Meter "+meterGroups(v.Meter.Number))
	p.Live = "/meters/" + url.PathEscape(v.Meter.Number) + "/live"
	d := p.detail(v)
	d.Panel = s.panelLink(v.Meter)
	d.CommandError = commandError
	d.MayCommand = by.May(access.SendCommands)
	if r.URL.Query().Get("sent") != "" {
		d.Notice = "The command is on its way. It counts when the meter has answered: see the timeline."
	}
	if err := s.fill(r, by, p, v.Meter.Number, &d); err != nil {
		s.broken(w, r, by, err)
		return
	}
	s.show(w, r, status, meterView(p, d))
}

func (p page) detail(v registry.MeterView) meterDetail {
	d := meterDetail{row: p.row(v), Test: v.Meter.Simulated, Reasons: strings.Join(v.Reasons, ", "), LastSeen: p.clock(v.LastSeen),
		Register: "–", Phone: v.Customer.Phone}
	if v.Figures != nil {
		d.Register = v.Figures.Register.KWh(3) + " kWh"
	}
	if v.Key != nil {
		d.Key = fmt.Sprintf("SGC %s, KRN %d, TI %s, EA %02d", v.Key.SGC, v.Key.KRN, v.Key.TI, v.Key.EA)
	}
	for _, reason := range v.Reasons {
		d.Cut = d.Cut || reason == "REMOTE"
	}
	return d
}

// fill adds the lists of a meter's page.
func (s *Console) fill(r *http.Request, by access.Actor, p page, number string, d *meterDetail) error {
	tokens, err := s.c.Vending.Tokens(r.Context(), by, number, registry.Page{Limit: shownTokens})
	if err != nil {
		return err
	}
	for _, t := range tokens.Tokens {
		line := tokenLine{Units: t.Units.KWh(1) + " kWh", State: tokenWord(t.State), IssuedAt: p.clock(t.IssuedAt), SaleID: t.Sale.Text(id.Vend)}
		d.Tokens = append(d.Tokens, line)
		d.Timeline = append(d.Timeline, timeLine{at: t.IssuedAt, Text: "sold " + line.Units, Sub: "token " + line.State})
	}
	readings, err := s.c.History.Readings(r.Context(), by, number, metering.Span{}, shownReadings+1, "")
	if err != nil {
		return err
	}
	d.Readings = p.readingLines(readings.Rows)
	events, err := s.c.History.Events(r.Context(), by, number, metering.Span{}, shownEvents, "")
	if err != nil {
		return err
	}
	for _, e := range events.Rows {
		if e.Kind == "event" {
			d.Timeline = append(d.Timeline, timeLine{at: e.ReceivedAt, Text: eventWord(e.Code), Sub: "meter time " + p.clock(e.At)})
		}
	}
	commands, err := s.c.Commands.List(r.Context(), by, number, shownTokens, "")
	if err != nil {
		return err
	}
	for _, c := range commands.Commands {
		d.Timeline = append(d.Timeline, timeLine{at: c.CreatedAt, Text: commandWord(c.Type) + ": " + string(c.State), Sub: c.Reason})
	}
	sort.SliceStable(d.Timeline, func(i, j int) bool { return d.Timeline[i].at.After(d.Timeline[j].at) })
	if len(d.Timeline) > shownEvents {
		d.Timeline = d.Timeline[:shownEvents]
	}
	for i := range d.Timeline {
		d.Timeline[i].At = p.clock(d.Timeline[i].at)
	}
	return nil
}

// readingLines writes readings, newest first, each with what was used since the one before it. A register that went
// back is shown as such, never as negative use.
func (p page) readingLines(rows []metering.StoredReading) []readingLine {
	var out []readingLine
	for i, r := range rows {
		if i == shownReadings {
			break
		}
		line := readingLine{At: p.clock(r.At), Register: unit.Energy(r.RegisterWh).KWh(3), Balance: unit.Energy(r.BalanceWh).KWh(3),
			Load: strconv.FormatInt(r.W, 10), Used: ""}
		if i+1 < len(rows) {
			if used := r.RegisterWh - rows[i+1].RegisterWh; used < 0 {
				line.Used = "register reset"
			} else {
				line.Used = unit.Energy(used).KWh(3)
			}
		}
		out = append(out, line)
	}
	return out
}

// command cuts or restores supply; the use case asks for the right and the reason.
func (s *Console) command(w http.ResponseWriter, r *http.Request, by access.Actor) {
	number := r.PathValue("number")
	sent, err := s.c.Commands.Send(r.Context(), by, command.Order{Meter: number, Type: command.Type(r.PostFormValue("type")),
		Reason: strings.TrimSpace(r.PostFormValue("reason"))})
	if err != nil {
		s.broken(w, r, by, err)
		return
	}
	if sent.Refused() {
		s.meterPage(w, r, by, http.StatusUnprocessableEntity, sent.Detail())
		return
	}
	http.Redirect(w, r, "/meters/"+url.PathEscape(number)+"?sent=1", http.StatusSeeOther)
}

func commandWord(t command.Type) string {
	switch t {
	case command.Disconnect:
		return "cut off by command"
	case command.Connect:
		return "restore by command"
	default:
		return "command " + strings.ReplaceAll(string(t), "_", " ")
	}
}

// tokenWord says where a token is, in the words of whoever paid for it.
func tokenWord(t vending.TokenState) string {
	switch t {
	case vending.TokenAccepted:
		return "✓ loaded in the meter"
	case vending.TokenSent:
		return "sent to the meter"
	case vending.TokenIssued:
		return "made, not loaded yet"
	case vending.TokenRejected:
		return "rejected by the meter"
	default:
		return string(t)
	}
}

// eventWord is the text of an event code (the domain reference, §4.12).
func eventWord(code int) string {
	for _, e := range eventWords() {
		if e.code == code {
			return e.text
		}
	}
	return "event " + strconv.Itoa(code)
}

type codeText struct {
	code int
	text string
}

func eventWords() []codeText {
	return []codeText{
		{101, "mains off"}, {102, "mains on"}, {103, "voltage low, state saved"}, {104, "started without a clean stop"},
		{201, "low credit, first warning"}, {202, "low credit, last warning"}, {203, "credit used up"}, {204, "credit restored"},
		{301, "token accepted"}, {302, "token rejected"}, {303, "wrong tokens: entry locked"}, {304, "token entry open again"},
		{401, "supply cut off"}, {402, "supply on"}, {403, "ready: press # at the meter"}, {404, "relay does not follow"},
		{501, "cover opened"}, {502, "terminal cover opened"}, {503, "magnet"}, {504, "energy in reverse"}, {505, "bypass"}, {520, "tamper cleared"},
		{601, "clock set"}, {602, "clock invalid"}, {603, "clock restored"}, {701, "memory copy bad"}, {702, "torn record in memory"},
		{801, "online"}, {802, "offline"}, {803, "configuration applied"}, {804, "command carried out"}, {901, "fault"},
	}
}
