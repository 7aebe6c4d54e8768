package listen

// Strangers counts the connections that have not signed in.
func (w *Crowd) Strangers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Len()
}
