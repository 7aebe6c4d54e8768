package gsm_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm"
)

// scripted is a modem that answers from a script, for behaviour that the emulated modem lacks. Each command has its answers in order, and
// the last one repeats. It accepts unknown commands silently.
type scripted struct {
	answers map[string][]string
	asked   []string
	say     func(string) // sends an unsolicited line
}

func (s *scripted) dial(ctx context.Context, t *testing.T) func(context.Context) (io.ReadWriteCloser, error) {
	return func(context.Context) (io.ReadWriteCloser, error) {
		mine, other := net.Pipe()
		out := make(chan string, 100)
		s.say = func(text string) { out <- text }
		go func() {
			for {
				select {
				case text := <-out:
					if _, err := io.WriteString(other, text); err != nil {
						return
					}
				case <-ctx.Done():
					return
				}
			}
		}()
		go func() {
			r := bufio.NewReader(other)
			for {
				line, err := r.ReadString('\r')
				if err != nil {
					return
				}
				line = strings.Trim(line, "\r\x1b")
				if line == "" {
					continue
				}
				s.asked = append(s.asked, line)
				out <- s.answer(line)
			}
		}()
		return mine, nil
	}
}

func (s *scripted) answer(command string) string {
	switch list := s.answers[command]; len(list) {
	case 0:
	case 1:
		return list[0]
	default:
		s.answers[command] = list[1:]
		return list[0]
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(command, "AT"), "?")
	switch command {
	case "AT+CPIN?":
		return "\r\n+CPIN: READY\r\n\r\nOK\r\n"
	case "AT+CREG?":
		return "\r\n+CREG: 1,1\r\n\r\nOK\r\n"
	case "AT+CPMS?":
		return "\r\n+CPMS: \"SM\",1,20,\"SM\",1,20,\"SM\",1,20\r\n\r\nOK\r\n"
	case "AT+CBC", "AT+CGREG?", "AT+CPAS", "AT+CSCA?", "AT+CFUN?", "AT+CSQ":
		return "\r\n" + name + ": 0,0\r\n\r\nOK\r\n"
	}
	return "\r\nOK\r\n"
}

// play runs the driver on a script for five minutes of virtual time.
func play(t *testing.T, s *scripted, f func()) *inbox {
	t.Helper()
	box := &inbox{}
	ctx, stop := context.WithCancel(t.Context())
	m, err := gsm.New(gsm.Config{Dial: s.dial(ctx, t), Inbox: box})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	wait(5 * time.Second)
	if st := m.State(); st.Phase != gsm.Ready {
		t.Errorf("state %+v", st)
	}
	f()
	wait(5 * time.Minute)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return box
}

const (
	// balance is a frame with the message *01# from +255711000001. The frame begins with the service centre's number. size is
	// the number of octets after that number.
	balance = "0791447758100650" + "040C915275110000100000" + "00101000000000" + "042A586C04"
	size    = "23"
	// report is a frame with a delivery report: message 7 to +255711000001 was delivered. reportSize is the number of octets
	// after the service centre's number.
	report     = "0791447758100650" + "0607" + "0C91527511000010" + "00101000000000" + "00101000000000" + "00"
	reportSize = "25"
)

func TestAMessageThatIsNotStoredIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		box := play(t, s, func() {
			s.say("\r\n+CMT: \"\"," + size + "\r\n" + balance + "\r\n")
			s.say("\r\n+CMT: \"\"," + size + "\r\n" + balance[:20] + "\r\n") // cut short, so the driver drops it
		})
		if got := box.texts(); !slices.Equal(got, []string{"*01#"}) || box.messages[0].From != friend {
			t.Errorf("got %q", got)
		}
	})
}

func TestReportsInTheirOwnMemoryAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: map[string][]string{
			"AT+CNMI=2,1,0,1,0": {"\r\n+CMS ERROR: 302\r\n"},
			`AT+CPMS="SR"`:      {"\r\n+CPMS: 1,10,1,10,1,10\r\n\r\nOK\r\n"},
			"AT+CMGR=4":         {"\r\n+CMGR: 0,," + reportSize + "\r\n" + report + "\r\n\r\nOK\r\n"},
		}}
		box := play(t, s, func() { s.say("\r\n+CDSI: \"SR\",4\r\n") })
		if len(box.reports) != 1 || box.reports[0].Reference != 7 || box.reports[0].To != friend || !box.reports[0].Status.Delivered() {
			t.Errorf("reports %+v", box.reports)
		}
		i := slices.Index(s.asked, `AT+CPMS="SR"`)
		if want := []string{`AT+CPMS="SR"`, "AT+CMGR=4", "AT+CMGD=4", `AT+CPMS="SM"`}; i < 0 || !slices.Equal(s.asked[i:i+4], want) {
			t.Errorf("asked %q, want %q in it", s.asked, want)
		}
		if !slices.Contains(s.asked, "AT+CNMI=2,1,0,2,0") {
			t.Errorf("the second best indication was not tried: %q", s.asked)
		}
	})
}

// An unreadable message is handed over raw. A message that somebody stored for sending is left alone. A message that did not
// come with its header is neither handed over nor deleted, but read again.
func TestOddThingsInTheSIM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: map[string][]string{"AT+CMGL=4": {
			"\r\n+CMGL: 1,1,\"\",3\r\n00FFFFFF\r\n\r\n+CMGL: 2,3,\"\"," + size + "\r\n" + balance + "\r\n\r\n+CMGL: 3,0,\"\"," + size + "\r\n\r\nOK\r\n",
			"\r\n+CMGL: 2,3,\"\"," + size + "\r\n" + balance + "\r\n\r\n+CMGL: 3,1,\"\"," + size + "\r\n" + balance + "\r\n\r\n+CMGL: 4,1,\"\"," + reportSize + "\r\n" + report + "\r\n\r\nOK\r\n",
			"\r\nOK\r\n",
		}}}
		box := play(t, s, func() {})
		if len(box.messages) != 2 || len(box.messages[0].Frame) != 4 || box.messages[0].Text != "" || box.messages[1].Text != "*01#" || len(box.reports) != 1 {
			t.Errorf("got %+v and %+v", box.messages, box.reports)
		}
		var deleted []string
		for _, c := range s.asked {
			if strings.HasPrefix(c, "AT+CMGD") {
				deleted = append(deleted, c)
			}
		}
		if want := []string{"AT+CMGD=1", "AT+CMGD=3", "AT+CMGD=4"}; !slices.Equal(deleted, want) {
			t.Errorf("deleted %q, want %q", deleted, want)
		}
	})
}

// An unreadable message and a report whose deletion fails are found again: the Inbox has them, so they are only deleted.
func TestWhatCouldNotBeDeletedIsNotHandedOverAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		both := "\r\n+CMGL: 1,1,\"\",3\r\n00FFFFFF\r\n\r\n+CMGL: 2,1,\"\"," + reportSize + "\r\n" + report + "\r\n\r\nOK\r\n"
		failed := []string{"\r\n+CMS ERROR: 500\r\n", "\r\nOK\r\n"}
		s := &scripted{answers: map[string][]string{"AT+CMGL=4": {both, both, "\r\nOK\r\n"}, "AT+CMGD=1": failed, "AT+CMGD=2": slices.Clone(failed)}}
		box := play(t, s, func() {})
		if len(box.messages) != 1 || len(box.reports) != 1 {
			t.Errorf("handed over %+v and %+v, want each once", box.messages, box.reports)
		}
		deleted := 0
		for _, c := range s.asked {
			if strings.HasPrefix(c, "AT+CMGD") {
				deleted++
			}
		}
		if deleted != 4 {
			t.Errorf("%d deletions, want each tried twice: %q", deleted, s.asked)
		}
	})
}
