package device

import "github.com/paywatt/paywatt/internal/device/history"

// History is the meter's own history, for tests.
func (d *Device) History() *history.Rings { return &d.rings }
