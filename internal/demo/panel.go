package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// panels serves the pages of all meters at one address. The pages belong to the meters, not to the server.
type panels struct {
	listener net.Listener
	server   *http.Server
	// ended is closed when the serving has ended; end is then the reason.
	ended chan struct{}
	end   error
}

func newPanels() (*panels, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the meters' panels: %w", err)
	}
	return &panels{listener: l, ended: make(chan struct{})}, nil
}

func (d *panels) url() string { return "http://" + d.listener.Addr().String() + "/" }

// serve serves every meter's page below its number, and a list of them. The end of ctx ends the live pages.
func (d *panels) serve(ctx context.Context, f *fleet) error {
	var list bytes.Buffer
	if err := template.Must(template.New("list").Parse(panelList)).Execute(&list, listed(f)); err != nil {
		return fmt.Errorf("list the meters' panels: %w", err)
	}
	mux := http.NewServeMux()
	for _, m := range f.meters {
		mux.Handle("/"+m.house.number+"/", http.StripPrefix("/"+m.house.number, m.panel.Handler(m.do)))
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(list.Bytes()) // writing fails only if the client has gone
	})
	d.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(f.place.logger.Handler(), slog.LevelWarn)}
	go func() {
		defer close(d.ended)
		d.end = d.server.Serve(d.listener)
	}()
	return nil
}

// panelList is the page at the root, which links to each meter's page.
const panelList = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,"><title>TEST: meters of the demonstration</title>
</head>
<body><main><h1>TEST: meters of the demonstration</h1>
{{range .}}<p><a href="{{.Number}}/">{{.Number}} {{.Name}}</a>{{if .Phone}} · <a href="{{.Phone}}">telephone of {{.Name}}</a>{{end}}</p>
{{end}}</main></body>
</html>
`

// listedMeter is a line of panelList.
type listedMeter struct{ Number, Name, Phone string }

func listed(f *fleet) []listedMeter {
	out := make([]listedMeter, len(f.meters))
	for i, m := range f.meters {
		out[i] = listedMeter{m.house.number, m.house.name, m.phone()}
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
