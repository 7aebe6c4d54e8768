package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
)

// served runs an ordinary server on the shop's folder while use works with its address and a key of this role. Client and server run in this
// process and use a loopback connection. The shop's own engine is closed first.
func (s *shop) served(ctx context.Context, v apiv1.Version, role access.Role, use func(url, key string) error) error {
	return s.servedAs(ctx, app.Config{Version: v}, role, use)
}

// servedAs is like served, with a configuration of the server.
func (s *shop) servedAs(ctx context.Context, c app.Config, role access.Role, use func(url, key string) error) (err error) {
	err = s.engine.Close()
	s.engine = nil
	if err != nil {
		return err
	}
	key, err := s.apiKey(ctx, role)
	if err != nil {
		return err
	}
	c.Data = s.dir
	c.Store = s.url
	return serveFolder(ctx, c, func(url string) error { return use(url, key) })
}

// serveFolder runs an ordinary server on a folder while use works with its address.
func serveFolder(ctx context.Context, c app.Config, use func(url string) error) (err error) {
	c.HTTP, c.MQTT, c.Passphrase, c.Test = "127.0.0.1:0", "127.0.0.1:0", []byte(passphrase), true
	a, err := app.New(c)
	if err != nil {
		return fmt.Errorf("start the bench's server: %w", err)
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(serving) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	address, _ := a.Ready()
	return use("http://" + address)
}

// apiKey makes an API key of a role.
func (s *shop) apiKey(ctx context.Context, role access.Role) (string, error) {
	f, err := app.OpenFolder(ctx, s.dir, s.url, nil)
	if err != nil {
		return "", err
	}
	made, err := f.Access.CreateAPIKey(ctx, app.Clerk(), access.NewKey{Role: role, Name: "bench"})
	if err == nil && made.Refused() {
		err = errors.New(made.Detail())
	}
	return made.Secret.Reveal(), errors.Join(err, f.Close())
}
