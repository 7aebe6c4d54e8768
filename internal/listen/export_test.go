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
	return len(w.answers.waiting)
}

// Handshakes counts the turns that the connection got for its handshake.
func (c *Conn) Handshakes() int {
	c.crowd.mu.Lock()
	defer c.crowd.mu.Unlock()
	return c.got[handshakes]
}
