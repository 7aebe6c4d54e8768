package listen

import (
	"io"
	"net/http"
	"slices"
	"time"
)

// This file limits the answers to strangers. An answer that its client does not read holds its page, a compressor and a goroutine. So only
// [Limits.Answers] requests of strangers are answered at a time, and the others wait in a line. While some wait, a stranger that keeps the server
// waiting, because it reads no answer or sends no body, makes room. If too many wait, the one that has got most answers makes room. A trusted
// proxy reads the server's answers, so its requests are not limited.

// patience is how long an answer may wait for its client, in all, while other strangers wait for theirs. The crowd looks that often.
const (
	patience  = 250 * time.Millisecond
	lookEvery = 50 * time.Millisecond
)

// Limited wraps the handler of an [http.Server] whose connections come from a crowd, and limits the answers to strangers. The server needs the
// hook [Context].
func Limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(connKey{}).(*Conn)
		if c == nil || c.proxy || !c.stranger.Load() {
			next.ServeHTTP(w, r)
			return
		}
		a := c.crowd.beginAnswer(c)
		select {
		case <-a.may:
		case <-r.Context().Done():
		}
		defer c.crowd.endAnswer(a)
		if r.Context().Err() != nil || c.Crowded() {
			panic(http.ErrAbortHandler) // the client has gone
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &body{ReadCloser: r.Body, conn: c}
		}
		next.ServeHTTP(w, r)
	})
}

// body is the body of a stranger's request. It notes how long the server waits for it.
type body struct {
	io.ReadCloser
	conn *Conn
}

func (b *body) Read(p []byte) (int, error) {
	defer b.conn.noteWait()()
	return b.ReadCloser.Read(p)
}

// noteWait notes that the server waits for a client, until the returned function is called. Where it waits already, nothing changes: to read a
// body may begin with an answer, which asks the client to send it.
func (c *Conn) noteWait() (ended func()) {
	began := time.Now().UnixNano()
	if !c.since.CompareAndSwap(0, began) {
		return func() {}
	}
	return func() {
		c.since.Store(0)
		c.waited.Add(time.Now().UnixNano() - began)
	}
}

// beginAnswer begins an answer, or lets it wait.
func (w *Crowd) beginAnswer(c *Conn) *waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !c.stranger.Load() {
		return newWaiter(c).release()
	}
	c.waited.Store(0)
	a := w.answers.addWaiter(c)
	c.answer = a
	for len(w.answers.waiting) > w.limits.Waiting {
		w.closeConn(w.busiest())
	}
	if len(w.answers.waiting) > 0 && !w.looking {
		w.looking = true
		time.AfterFunc(lookEvery, w.endSlowStrangers)
	}
	return a // it may have ended already
}

// busiest returns the stranger that waits and has got most answers; of several, one of the address with the most strangers. The caller holds mu.
func (w *Crowd) busiest() *Conn {
	most := w.answers.waiting[0].conn
	for _, a := range w.answers.waiting[1:] {
		c := a.conn
		if c.got[answers] > most.got[answers] || c.got[answers] == most.got[answers] && c.home.all.Len() > most.home.all.Len() {
			most = c
		}
	}
	return most
}

// endAnswer ends an answer, also one that still waits.
func (w *Crowd) endAnswer(a *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropAnswer(a)
}

// dropAnswer takes a request out of the line. The caller holds mu.
func (w *Crowd) dropAnswer(a *waiter) {
	if a.conn.answer == a {
		a.conn.answer = nil
	}
	w.answers.dropWaiter(a)
}

// endSlowStrangers ends the strangers that let their answers wait while others have none.
func (w *Crowd) endSlowStrangers() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now().UnixNano()
	needed := len(w.answers.waiting)
	for _, a := range slices.Clone(w.answers.underWay) { // the oldest first
		if needed == 0 {
			break
		}
		since := a.conn.since.Load()
		switch {
		case a.conn.ended.Load(): // its handler is about to return
			needed--
		case since != 0 && now-since+a.conn.waited.Load() >= int64(patience):
			w.closeConn(a.conn)
			needed--
		}
	}
	if w.looking = len(w.answers.waiting) > 0; w.looking {
		time.AfterFunc(lookEvery, w.endSlowStrangers)
	}
}
