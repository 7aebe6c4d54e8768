package listen

// Strangers counts the connections that have not signed in.
func (w *Crowd) Strangers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Len()
}

// Waiting counts the requests that wait for their answers.
func (w *Crowd) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}
