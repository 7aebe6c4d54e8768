// Package terminal shows a virtual meter in a terminal: display, keypad, light, supply and messages, with a load to
// switch on, a cover to open and a speed for the time. It needs 80 by 24 characters and 16 colours, and can
// draw with ASCII only. In a smaller window it shows what fits.
//
// [Run] is a whole program around one meter. Everything that concerns the device happens on one goroutine.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/face"
	"github.com/paywatt/paywatt/internal/device/link"
)

// Config configures a terminal.
type Config struct {
	Device *device.Device
	// Net is the meter's connection; nil for a meter without a server.
	Net face.Net
	// Log is a logger that writes to Notes, so that no log line reaches the screen.
	Log *slog.Logger
	// Notes holds the newest lines of the log; nil for none.
	Notes *Notes
	// In and Out are the terminal.
	In  io.Reader
	Out io.Writer
	// Environ is the environment, for TERM and NO_COLOR.
	Environ []string
	// ASCII restricts drawing to ASCII.
	ASCII bool
	// Speed is the initial speed of time, one of face.Speeds.
	Speed int
	// Phone is the number from which messages to the meter are sent.
	Phone string
}

// Run shows the meter and lets its time pass until the user leaves or ctx ends, and then restores the terminal. An
// error comes from the memory or the terminal.
func Run(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := &model{c: c, dev: c.Device, meter: face.New(c.Device, c.Net, c.Log, time.Now())}
	if err := m.meter.SetSpeed(c.Speed); err != nil {
		return err
	}
	m.seen = m.meter.Look()
	// A signal ends ctx, and with it the program. The library's own signal handler might then send a message that the ended
	// program never receives, and Run would wait for the handler for ever.
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithInput(c.In), tea.WithOutput(c.Out),
		tea.WithEnvironment(c.Environ))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		forward(ctx, m.meter, p)
	}()
	_, err := p.Run()
	asked := ctx.Err() != nil
	cancel()
	<-ended
	if err != nil && (asked || errors.Is(err, tea.ErrInterrupted)) {
		err = nil // ended by ctx: not an error
	}
	if err != nil {
		err = fmt.Errorf("show the meter: %w", err)
	}
	return errors.Join(err, m.end, m.save())
}

// forward passes the messages of the server and the tasks of the modem to the goroutine of the device.
func forward(ctx context.Context, meter *face.Driver, p *tea.Program) {
	inbox, tasks := meter.Messages(), meter.Tasks()
	for {
		select {
		case <-ctx.Done():
			return
		case msg := <-inbox:
			p.Send(msg)
		case t := <-tasks:
			p.Send(t)
		}
	}
}

// model is the state of the program: the meter, and the user's input.
type model struct {
	c     Config
	dev   *device.Device
	meter *face.Driver
	// end is why the program must end, nil while it runs.
	end error

	seen          face.View
	width, height int
	// prompt is what the user is asked for, typed is the input so far.
	prompt prompt
	typed  string
	// problem is why the last action failed.
	problem string
	// quiet says that the modem is switched off.
	quiet bool
}

// save makes pending changes durable, unless the memory has failed already.
func (m *model) save() error {
	if m.end != nil || m.dev.Err() != nil {
		return nil
	}
	return m.meter.Save()
}

type tickMsg time.Time

func tick() tea.Cmd {
	return tea.Tick(face.Tick, func(t time.Time) tea.Msg { return tickMsg(t) })
}

// Init starts the ticks.
func (m *model) Init() tea.Cmd { return tick() }

// Update handles one message of the library.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var next tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tickMsg:
		m.end = m.meter.Pass(time.Time(msg))
		next = tick()
	case link.Message:
		m.end = m.meter.Receive(msg)
	case device.Task:
		m.end = m.meter.Task(msg)
	case tea.PasteMsg:
		m.paste(msg.Content)
	case tea.KeyPressMsg:
		if m.press(msg.String()) {
			return m, tea.Quit
		}
	}
	if err := m.dev.Err(); err != nil {
		m.end = err
	}
	if m.end != nil {
		return m, tea.Quit
	}
	m.seen = m.meter.Look()
	return m, next
}

// View draws the screen.
func (m *model) View() tea.View {
	v := tea.NewView(m.draw())
	v.AltScreen = true
	v.WindowTitle = "Meter " + m.seen.Number
	return v
}
