// Package upload lets the server read one uploaded file at a time. Reading a large list or statement takes up to a second of processor time and
// up to 100 MB of memory, so several at once could slow down sales.
package upload

import (
	"context"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// MaxWait is how long a file waits until the files before it are read. Each takes at most about a second.
const MaxWait = 10 * time.Second

// MaxHeld is how many files a server holds in memory, from their first byte to the answer. Each has at most 32 MB.
const MaxHeld = 4

// Gate lets one reader in at a time, in the order in which they came.
type Gate struct {
	place chan struct{}

	mu   sync.Mutex
	held map[id.ID]bool // whose files are held
}

// NewGate makes a gate. All readers of uploaded files of a server share it.
func NewGate() *Gate { return &Gate{place: make(chan struct{}, 1), held: map[id.ID]bool{}} }

// Hold makes room for a file before its first byte is read; release gives the room back after the answer. A person sends one file
// at a time, with all their keys, so that nobody fills all the room. The refusal says that there is no room, and that the file was not read.
func (g *Gate) Hold(who id.ID) (release func(), no refusal.Refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held[who] || len(g.held) >= MaxHeld {
		return nil, refuse.UploadBusy()
	}
	g.held[who] = true
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.held, who)
	}, refusal.Refusal{}
}

// Read waits for its turn and calls read, which reads a file and stores nothing. The refusal says that too many files came before this one, and
// that read was not called.
func (g *Gate) Read(ctx context.Context, read func()) refusal.Refusal {
	ctx, cancel := context.WithTimeout(ctx, MaxWait)
	defer cancel()
	select {
	case g.place <- struct{}{}:
		defer func() { <-g.place }()
		read()
		return refusal.Refusal{}
	case <-ctx.Done():
		return refuse.UploadBusy()
	}
}
