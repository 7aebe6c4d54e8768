package panelweb_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/panelweb"
)

// pipes is a listener inside the process, so that its time can be virtual.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, open := <-p
	if !open {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p <- far
	return near, nil
}

// stuck is a modem that does not switch off until release is closed.
type stuck struct{ release chan struct{} }

func (stuck) Messages() <-chan link.Message { return nil }
func (stuck) Status() link.Status           { return link.Status{} }
func (s stuck) Power(bool)                  { <-s.release }

func TestWhatIsUnderWayIsNotCalledUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		modem, l := stuck{make(chan struct{})}, make(pipes)
		ctx, cancel := context.WithCancel(t.Context())
		dev := newDevice(t)
		done := make(chan error, 1)
		go func() {
			done <- panelweb.New(panelweb.Config{Device: dev, Net: modem, Log: slog.New(slog.DiscardHandler)}).Run(ctx, l)
		}()
		client := &http.Client{Transport: &http.Transport{DialContext: l.dial}}
		off := func() string {
			answer, err := client.Post("http://localhost/mains", "application/x-www-form-urlencoded", strings.NewReader(url.Values{"on": {"no"}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			page, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(page)
		}
		if page := off(); !strings.Contains(page, "has not finished") || strings.Contains(page, "Nothing was changed") {
			t.Errorf("while the mains is being switched off: %s", page)
		}
		if page := off(); !strings.Contains(page, "Nothing was changed") {
			t.Errorf("behind it: %s", page)
		}
		close(modem.release)
		synctest.Wait()
		if dev.On() {
			t.Error("what was under way was never done")
		}
		client.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
