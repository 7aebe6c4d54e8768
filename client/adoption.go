package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Devices lists the devices of the shared listener that are meters.
func (c *Client) Devices(ctx context.Context, f apiv1.Page) (apiv1.List[apiv1.AdoptedDevice], error) {
	return list(ctx, c, apiv1.AdoptedDevices, f)
}

// UnknownDevices lists the devices that talk at the shared listener and belong to no meter.
func (c *Client) UnknownDevices(ctx context.Context, f apiv1.Page) (apiv1.List[apiv1.UnknownDevice], error) {
	return list(ctx, c, apiv1.UnknownDevices, f)
}

// AdoptDevice makes a device that talks the device of a meter (right: meter.write). If a second person must approve, it returns an error with the
// approval.
func (c *Client) AdoptDevice(ctx context.Context, n apiv1.NewDevice) (apiv1.AdoptedDevice, error) {
	return ask[apiv1.AdoptedDevice](ctx, c, post("/v1/devices", n))
}

// ReleaseDevice ends the use of a device for its meter (right: meter.write). If a second person must approve, it returns an error with the
// approval.
func (c *Client) ReleaseDevice(ctx context.Context, name, reason string) (apiv1.AdoptedDevice, error) {
	return ask[apiv1.AdoptedDevice](ctx, c, post("/v1/devices/"+url.PathEscape(name)+"/release", apiv1.Reason{Reason: reason}))
}

// NewDevicePassword gives the shared listener a new password (right: settings.write).
func (c *Client) NewDevicePassword(ctx context.Context) (apiv1.DevicePassword, error) {
	return ask[apiv1.DevicePassword](ctx, c, post("/v1/devices/password", apiv1.NewDevicePassword{}))
}

// DropDevicePassword lets devices use the shared listener without a password (right: meter.write). If a second person must approve, it returns an
// error with the approval.
func (c *Client) DropDevicePassword(ctx context.Context) (apiv1.DevicePassword, error) {
	return ask[apiv1.DevicePassword](ctx, c, remove("/v1/devices/password"))
}

// ReplaceDevice says which device is the one of a meter with a listener of its own (right: meter.write). If a second person must approve, it
// returns an error with the approval.
func (c *Client) ReplaceDevice(ctx context.Context, meter string, d apiv1.ReplacedDevice) (apiv1.BoundDevice, error) {
	return ask[apiv1.BoundDevice](ctx, c, post("/v1/meters/"+url.PathEscape(meter)+"/device/replace", d))
}
