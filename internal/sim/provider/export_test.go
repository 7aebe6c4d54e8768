package provider

// Number returns the next number with n digits.
func (s *Simulator) Number(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number(n)
}
