package gsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/at"
)

// Times of the modem (SIM800 AT manual, with some room).
const (
	answerTime = 5 * time.Second
	listTime   = 20 * time.Second // AT+CMGL with a full SIM at 9,600 baud
	pinTime    = 15 * time.Second
	promptTime = 10 * time.Second
	sendTime   = 65 * time.Second
	writeTime  = 10 * time.Second
)

// Failures of a command other than an error answer from the modem.
var (
	errReset      = errors.New("the modem has reset")
	errSilent     = errors.New("the modem does not answer")
	errUnanswered = errors.New("the modem works, but did not answer this command")
)

// session is the work on the port from its opening until it fails.
type session struct {
	m      *Modem
	ctx    context.Context
	port   io.ReadWriteCloser
	chunks chan []byte
	failed chan error
	engine at.Engine

	cur      exchange
	late     late
	locked   bool // the SIM needs a person; no command for messages works
	anew     bool // set the modem up again, although it has not reset
	reset    bool // the modem has restarted
	up       bool // the modem is set up; from now on power-up notices mean a reset
	arrived  map[int]bool
	elsewise []stored // reports stored outside the SIM
	free     []int    // slots whose content is durable
	checked  time.Time
	swept    time.Time
}

// exchange is a command with its answer so far.
type exchange struct {
	info   []at.Line
	prompt bool
	final  bool
	result at.Result
}

// late is an answer that came after the wait for it had ended.
type late struct {
	ref   int // reference in a "+CMGS:" line, or -1
	final *at.Result
}

// connect opens the port and works until it fails; worked reports whether the modem answered.
func (m *Modem) connect(ctx context.Context) (worked bool, err error) {
	port, err := m.cfg.Dial(ctx)
	if err != nil {
		return false, fmt.Errorf("open port: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &session{m: m, ctx: ctx, port: port, chunks: make(chan []byte, 16), failed: make(chan error, 1)}
	stop := context.AfterFunc(ctx, func() { _ = port.Close() }) // ends a pending read or write
	reader := make(chan struct{})
	go func() { defer close(reader); s.read() }()
	defer func() {
		cancel()
		if stop() {
			_ = port.Close()
		}
		<-reader
	}()
	for {
		s.restart()
		if err := s.probe(); err != nil {
			return worked, err
		}
		worked = true
		err := s.setUp()
		if err == nil {
			err = s.work()
		}
		if !errors.Is(err, errReset) {
			return worked, err
		}
		m.cfg.Log.Warn("modem restarted")
		m.change(func(st *State) { st.Resets++ })
	}
}

// restart clears the session's knowledge about the modem.
func (s *session) restart() {
	s.m.epoch++
	s.engine, s.cur, s.anew, s.reset, s.up = at.Engine{}, exchange{}, false, false, false
	s.arrived, s.elsewise, s.free = map[int]bool{}, nil, nil
	s.m.sweep = true
	s.m.change(func(st *State) { st.Phase = Starting })
}

// read carries the modem's output to the session. A port that repeatedly returns neither data nor an error is gone.
func (s *session) read() {
	const most = 100
	for idle := 0; ; idle++ {
		buf := make([]byte, 512)
		n, err := s.port.Read(buf)
		if n > 0 {
			idle = 0
			select {
			case s.chunks <- buf[:n]:
			case <-s.ctx.Done():
				return
			}
		}
		if err == nil && idle == most {
			err = io.ErrNoProgress
		}
		if err != nil {
			s.failed <- fmt.Errorf("read port: %w", err)
			return
		}
	}
}

// pump handles the modem's next output, or gives up.
func (s *session) pump(end <-chan time.Time) error {
	select {
	case b := <-s.chunks:
		s.engine.Feed(b, s.line)
		return nil
	default:
	}
	select {
	case b := <-s.chunks:
		s.engine.Feed(b, s.line)
		return nil
	case err := <-s.failed:
		return err
	case <-end:
		return errSilent
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// line handles one line of the modem.
func (s *session) line(l at.Line) {
	switch l.Kind {
	case at.Info:
		s.cur.info = append(s.cur.info, l)
	case at.Final:
		s.cur.final, s.cur.result = true, l.Result
	case at.Prompt:
		s.cur.prompt = true
	case at.Notice:
		s.notice(l)
	case at.Stale:
		if l.Text != ">" {
			s.late.final = new(l.Result)
		}
	case at.Noise:
		if strings.HasPrefix(l.Text, "+CMGS:") {
			if n, ok := at.Fields(l.Text)[0].Int(); ok {
				s.late.ref = n
			}
		}
	}
}

// write writes to the modem, and gives up on a modem that accepts nothing.
func (s *session) write(p string) error {
	stuck := time.AfterFunc(writeTime, func() { _ = s.port.Close() })
	defer stuck.Stop()
	if _, err := io.WriteString(s.port, p); err != nil {
		return fmt.Errorf("write port: %w", err)
	}
	return nil
}

// ask runs a command until its final result, or its prompt. An error means that no result came. An error answer from the modem is a result.
func (s *session) ask(c at.Command, limit time.Duration) (exchange, error) {
	s.cur = exchange{}
	s.engine.Begin(c)
	if err := s.write(c.Text + "\r"); err != nil {
		return exchange{}, err
	}
	return s.await(limit, c.Prompts)
}

// await waits for the running command's final result, or its prompt.
func (s *session) await(limit time.Duration, prompt bool) (exchange, error) {
	end := time.NewTimer(limit)
	defer end.Stop()
	for !s.cur.final && !(prompt && s.cur.prompt) {
		if err := s.pump(end.C); err != nil {
			s.engine.End()
			return s.cur, err
		}
		if s.reset {
			s.engine.End()
			return s.cur, errReset
		}
	}
	if s.reset {
		return s.cur, errReset
	}
	return s.cur, nil
}

// prefixed returns a command whose information begins with its own name: AT+CSQ returns "+CSQ: …".
func prefixed(text string) at.Command {
	name := strings.TrimPrefix(text, "AT")
	if i := strings.IndexAny(name, "=?"); i >= 0 {
		name = name[:i]
	}
	return at.Command{Text: text, Prefix: name + ":"}
}

// do runs a command; a result other than OK is an error of type *refusedError.
func (s *session) do(c at.Command, limit time.Duration) ([]at.Line, error) {
	x, err := s.ask(c, limit)
	if errors.Is(err, errSilent) {
		if err := s.resync(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", name(c.Text), errUnanswered)
	}
	if err != nil {
		return nil, err
	}
	if x.result.Status != at.OK {
		return nil, &refusedError{command: name(c.Text), result: x.result}
	}
	return x.info, nil
}

// name returns a command without its arguments, because an argument may be a PIN.
func name(text string) string {
	text, _, _ = strings.Cut(text, "=")
	return text
}

// refusedError is the error answer of the modem to a command.
type refusedError struct {
	command string
	result  at.Result
}

func (e *refusedError) Error() string { return e.command + ": " + e.result.Text }

// questions are asked only to find the modem again. Their answers cannot be mistaken for one another.
var questions = []string{"AT+CBC", "AT+CGREG?", "AT+CPAS", "AT+CSCA?", "AT+CFUN?"}

// resync finds the modem again after a missing answer: it cancels a message that may be half entered, and asks a question.
// Everything before the answer belongs to earlier commands. The questions rotate, even across calls: otherwise a late answer to
// an earlier question could pass for the answer to this question. Every later answer would then be taken for the answer to the
// next command, and the driver could read and empty the wrong slot.
func (s *session) resync() error {
	const tries = 3
	for range tries {
		if err := s.write("\x1b\r"); err != nil {
			return err
		}
		s.m.asked++
		c := prefixed(questions[s.m.asked%len(questions)])
		c.Needs = true
		_, err := s.ask(c, answerTime)
		switch {
		case err == nil && len(s.cur.info) > 0:
			return nil
		case err != nil && !errors.Is(err, errSilent):
			return err
		}
	}
	return errSilent
}

// broken reports whether the session must end after an error.
func broken(err error) bool {
	var refused *refusedError
	return err != nil && !errors.As(err, &refused) && !errors.Is(err, errUnanswered)
}
