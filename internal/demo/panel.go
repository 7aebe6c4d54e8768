package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/paywatt/paywatt/internal/device/panelweb"
)

// panels serves the pages of all meters at one address. The pages belong to the meters, not to the server.
type panels struct {
	listener net.Listener
	server   *http.Server
	door     *door
	// ended is closed when the serving has ended; end is then the reason.
	ended chan struct{}
	end   error
}

func newPanels() (*panels, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the meters' panels: %w", err)
	}
	return &panels{listener: l, door: newDoor(), ended: make(chan struct{})}, nil
}

func (d *panels) url() string { return "http://" + d.listener.Addr().String() + "/" }

// serve serves every meter's page below its number, and a list of them. The end of ctx ends the live pages.
func (d *panels) serve(ctx context.Context, f *fleet) error {
	mux := http.NewServeMux()
	for _, m := range f.meters {
		mux.Handle("/"+m.house.number+"/", http.StripPrefix("/"+m.house.number, m.panel.Handler(m.do)))
	}
	mux.Handle("/{$}", panelweb.List(panelweb.ListConfig{Title: "Meters of the demonstration", Note: simulated(), Back: f.place.URL() + "/", Meters: listed(f)}))
	mux.HandleFunc("GET /enter/{code}", func(w http.ResponseWriter, r *http.Request) { d.door.enter(w, r, f.place) })
	d.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(f.place.logger.Handler(), slog.LevelWarn)}
	go func() {
		defer close(d.ended)
		d.end = d.server.Serve(d.listener)
	}()
	return nil
}

// simulated says on every panel that its time is not real.
func simulated() string {
	return fmt.Sprintf("This is a virtual meter. It measures nothing, and its time runs %d times faster.", fleetSpeed)
}

func listed(f *fleet) []panelweb.Listed {
	out := make([]panelweb.Listed, len(f.meters))
	for i, m := range f.meters {
		out[i] = panelweb.Listed{Number: m.house.number, Name: m.house.name, Phone: m.phone(), State: m.panel.State}
	}
	return out
}

// panelGrace is how long open requests may take when the demonstration ends.
const panelGrace = time.Second

// close ends the serving.
func (d *panels) close() error {
	if d.server == nil {
		return d.listener.Close()
	}
	grace, cancel := context.WithTimeout(context.Background(), panelGrace)
	defer cancel()
	if err := d.server.Shutdown(grace); err != nil {
		// A live page never ends by itself.
		if err := d.server.Close(); err != nil {
			return err
		}
	}
	<-d.ended
	if errors.Is(d.end, http.ErrServerClosed) {
		return nil
	}
	return d.end
}
