package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// timed is a ResponseWriter that notes its write deadlines.
type timed struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (w *timed) SetWriteDeadline(at time.Time) error {
	w.deadlines = append(w.deadlines, at)
	return nil
}

// TestAnAnswerHasItsTimeFromItsBeginning: a sale may wait for its database longer than its answer takes. The time to write the answer begins
// with the answer, once, and not with the request, so the connection is never closed without one.
func TestAnAnswerHasItsTimeFromItsBeginning(t *testing.T) {
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	r := &recorder{ResponseWriter: w}
	before := time.Now()
	r.WriteHeader(http.StatusServiceUnavailable)
	if _, err := r.Write([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	if len(w.deadlines) != 1 || w.deadlines[0].Before(before.Add(writeTimeout)) || r.status != http.StatusServiceUnavailable {
		t.Errorf("status %d with the deadlines %v, want one deadline, %v after %v", r.status, w.deadlines, writeTimeout, before)
	}
}
