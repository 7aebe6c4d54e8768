package bench

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// bareStore is the least a server that acknowledges durably must do: it appends the body of each request to a file, and answers after fdatasync.
// Requests that arrive during one fdatasync share the next.
type bareStore struct {
	server *http.Server
	file   *os.File
	url    string

	mu      sync.Mutex
	waiting []chan error
	syncing bool
}

// serveAppends begins the server with a file in the folder.
func serveAppends(dir string) (*bareStore, error) {
	f, err := os.OpenFile(filepath.Join(dir, "appends"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	a := &bareStore{file: f, url: "http://" + l.Addr().String() + "/"}
	a.server = &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = <-a.append(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})}
	go func() { _ = a.server.Serve(l) }() // ends with close
	return a, nil
}

func (a *bareStore) close() {
	_ = a.server.Close() // nothing waits for it
	_ = a.file.Close()   // its folder is removed
}

// append writes the body, and returns where its error, or nil once it is durable, arrives.
func (a *bareStore) append(body []byte) <-chan error {
	durable := make(chan error, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.file.Write(body); err != nil {
		durable <- err
		return durable
	}
	a.waiting = append(a.waiting, durable)
	if !a.syncing {
		a.syncing = true
		go a.sync()
	}
	return durable
}

// sync makes what was written durable, until nobody waits.
func (a *bareStore) sync() {
	for {
		a.mu.Lock()
		waiting := a.waiting
		a.waiting = nil
		a.syncing = len(waiting) > 0
		a.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		err := syncData(a.file)
		for _, w := range waiting {
			w <- err
		}
	}
}
