package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/web/console"
	"github.com/paywatt/paywatt/internal/words"
)

// Defect is why a server is in safe mode. Mistake is one line of a settings file.
type (
	Defect  = console.Defect
	Mistake = console.Mistake
)

// SafeConfig says how to serve the page of the safe mode.
type SafeConfig struct {
	HTTP            string // address
	TLSCert, TLSKey string // without a readable certificate the page is not encrypted
	Data            string // data folder; an owner who is signed in there sees details
	Version         string
	Log             *slog.Logger
	Defect          func() Defect
	Look            chan<- struct{} // gets a value when somebody wants to know at once whether the cause is gone
}

// Safe serves a page that says why the server cannot start. It opens no database for writing, sells nothing, and has no listener for meters.
type Safe struct {
	c      SafeConfig
	l      net.Listener
	server *http.Server
	owners sync.Mutex // one session is looked up at a time
	code   string     // whoever has it may see details
}

// OpenSafe listens at the HTTP address.
func OpenSafe(c SafeConfig) (*Safe, error) {
	s := &Safe{c: c, code: rand.Text()}
	languages, err := words.Open()
	if err != nil {
		return nil, err
	}
	var certificate *tls.Config
	if c.TLSCert != "" {
		if pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err == nil {
			certificate = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		}
	}
	h, err := console.NewSafe(console.SafeConfig{Languages: languages, Version: c.Version, Log: c.Log, Now: time.Now, Secure: certificate != nil, Defect: c.Defect, Code: s.code, Owner: s.owner, Look: s.look})
	if err != nil {
		return nil, err
	}
	crowd := listen.New("HTTP", listen.Few(), nil, c.Log)
	if s.l, err = listenFor(crowd, config.HTTP, c.HTTP, "HTTP"); err != nil {
		return nil, err
	}
	s.server = api.NewServer(h, api.Network{}, c.Log)
	s.server.TLSConfig, s.server.WriteTimeout = certificate, safeWrite
	return s, nil
}

// Times of the safe mode.
const (
	safeWrite = 15 * time.Second
	safeEnd   = time.Second // what requests under way get to end
)

// Address returns the address of the page.
func (s *Safe) Address() string { return s.l.Addr().String() }

// Secure reports whether the page is encrypted.
func (s *Safe) Secure() bool { return s.server.TLSConfig != nil }

// Path is the path of the page with details. Its code is only for those who can read what the server prints.
func (s *Safe) Path() string { return "/?code=" + s.code }

// Close ends a safe mode that was not run.
func (s *Safe) Close() error { return s.l.Close() }

// Run serves the page until ctx ends.
func (s *Safe) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() {
		if s.server.TLSConfig != nil {
			ended <- s.server.ServeTLS(s.l, "", "")
			return
		}
		ended <- s.server.Serve(s.l)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), safeEnd)
	defer cancel()
	if s.server.Shutdown(grace) != nil {
		if err := s.server.Close(); err != nil {
			return err
		}
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *Safe) look() {
	select {
	case s.c.Look <- struct{}{}:
	default: // somebody has asked already
	}
}

// owner reports whether a session is an owner's. It asks the database in the data folder, if there is one that this version can read.
func (s *Safe) owner(ctx context.Context, session string) bool {
	if !sqlite.Has(s.c.Data) {
		return false
	}
	s.owners.Lock()
	defer s.owners.Unlock()
	f, err := OpenFolder(ctx, s.c.Data, "", slog.New(slog.DiscardHandler))
	if err != nil {
		return false
	}
	known, err := f.Access.ByLogin(ctx, tenant, session)
	if e := f.Close(); e != nil {
		s.c.Log.Warn("database not closed", logkey.Err, e)
	}
	return err == nil && !known.Refused() && known.Actor.Role == access.Owner
}
