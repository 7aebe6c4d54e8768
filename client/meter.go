package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// AddMeter registers a meter (right: meter.write) and returns its secrets. They are shown only this once.
func (c *Client) AddMeter(ctx context.Context, m apiv1.NewMeter) (apiv1.AddedMeter, error) {
	return ask[apiv1.AddedMeter](ctx, c, post("/v1/meters", m))
}

// Meter returns a meter by its number or its id.
func (c *Client) Meter(ctx context.Context, ref string) (apiv1.Meter, error) {
	return ask[apiv1.Meter](ctx, c, get(meterPath(ref, ""), nil))
}

// Meters lists the meters that a filter names.
func (c *Client) Meters(ctx context.Context, f apiv1.MeterListFilter) (apiv1.List[apiv1.Meter], error) {
	return list(ctx, c, apiv1.Meters, f)
}

// ChangeMeter changes the feeder or the power limit of a meter (right: meter.write).
func (c *Client) ChangeMeter(ctx context.Context, ref string, change apiv1.MeterChange) (apiv1.Meter, error) {
	return ask[apiv1.Meter](ctx, c, post(meterPath(ref, ""), change))
}

// ReplaceMeterPassword makes a new MQTT password for a meter (right: meter.write). The answer shows it only this once.
func (c *Client) ReplaceMeterPassword(ctx context.Context, meter string, change apiv1.PasswordChange) (apiv1.MeterPassword, error) {
	return ask[apiv1.MeterPassword](ctx, c, post(meterPath(meter, "/password"), change))
}

// EndMeterPassword ends the MQTT passwords of a meter: from then on only a certificate counts (right: meter.write).
func (c *Client) EndMeterPassword(ctx context.Context, meter string) (apiv1.MeterPassword, error) {
	return ask[apiv1.MeterPassword](ctx, c, remove(meterPath(meter, "/password")))
}

// RemoveMeter says that a meter was taken off the wall (right: meter.write).
func (c *Client) RemoveMeter(ctx context.Context, meter, reason string) (apiv1.Meter, error) {
	return ask[apiv1.Meter](ctx, c, post(meterPath(meter, "/remove"), apiv1.Reason{Reason: reason}))
}

// ScrapMeter ends the life of a removed meter, or of one in stock (right: meter.write).
func (c *Client) ScrapMeter(ctx context.Context, meter, reason string) (apiv1.Meter, error) {
	return ask[apiv1.Meter](ctx, c, post(meterPath(meter, "/scrap"), apiv1.Reason{Reason: reason}))
}

// StartLinkKey makes a next link key for a meter (right: meter.write). The answer shows it only this once.
func (c *Client) StartLinkKey(ctx context.Context, meter string) (apiv1.LinkKey, error) {
	return ask[apiv1.LinkKey](ctx, c, post(meterPath(meter, "/link-key"), apiv1.LinkKeyStep{}))
}

// FinishLinkKey makes a meter's next link key the only one (right: meter.write).
func (c *Client) FinishLinkKey(ctx context.Context, meter string) (apiv1.LinkKey, error) {
	return ask[apiv1.LinkKey](ctx, c, post(meterPath(meter, "/link-key/finish"), apiv1.LinkKeyStep{}))
}

// CancelLinkKey drops a meter's next link key (right: meter.write).
func (c *Client) CancelLinkKey(ctx context.Context, meter string) (apiv1.LinkKey, error) {
	return ask[apiv1.LinkKey](ctx, c, remove(meterPath(meter, "/link-key")))
}

// ConfirmSIM confirms the changed number of the SIM in a meter, so that tokens go there at once (right: meter.write).
func (c *Client) ConfirmSIM(ctx context.Context, meter, reason string) (apiv1.Meter, error) {
	return ask[apiv1.Meter](ctx, c, post("/v1/meters/"+url.PathEscape(meter)+"/confirm-sim", apiv1.NumberReason{Reason: reason}))
}

// SetSIM registers the number of the SIM in a meter, with the country code; an empty number removes it (right: meter.write).
func (c *Client) SetSIM(ctx context.Context, meter, number string) (apiv1.Meter, error) {
	return ask[apiv1.Meter](ctx, c, post(meterPath(meter, "/sim"), apiv1.SIM{SIMPhone: number}))
}

// Readings lists a meter's readings, newest first.
func (c *Client) Readings(ctx context.Context, f apiv1.HistoryFilter) (apiv1.List[apiv1.Reading], error) {
	return list(ctx, c, apiv1.Readings, f)
}

// Events lists a meter's events, newest first.
func (c *Client) Events(ctx context.Context, f apiv1.HistoryFilter) (apiv1.List[apiv1.Event], error) {
	return list(ctx, c, apiv1.Events, f)
}

// Alarms lists alarms of a meter (empty: of all), newest first. The filter Open leaves out cleared alarms.
func (c *Client) Alarms(ctx context.Context, f apiv1.AlarmFilter) (apiv1.List[apiv1.Alarm], error) {
	return list(ctx, c, apiv1.Alarms, f)
}

// Timeline lists what happened to a meter, newest first.
func (c *Client) Timeline(ctx context.Context, f apiv1.MomentFilter) (apiv1.List[apiv1.Moment], error) {
	return list(ctx, c, apiv1.Timeline, f)
}

// Tokens lists the tokens made for a meter, newest first.
func (c *Client) Tokens(ctx context.Context, f apiv1.MeterFilter) (apiv1.List[apiv1.MeterToken], error) {
	return list(ctx, c, apiv1.MeterTokens, f)
}

// SendCommand queues a command for a meter (right: command.send). The server keeps it until the meter answers or the command
// expires.
func (c *Client) SendCommand(ctx context.Context, meter string, n apiv1.NewCommand) (apiv1.Command, error) {
	return ask[apiv1.Command](ctx, c, post(meterPath(meter, "/commands"), n))
}

// Command returns a command by its id.
func (c *Client) Command(ctx context.Context, meter, id string) (apiv1.Command, error) {
	return ask[apiv1.Command](ctx, c, get(meterPath(meter, "/commands/"+url.PathEscape(id)), nil))
}

// Device shows the present state of a meter's device.
func (c *Client) Device(ctx context.Context, meter string) (apiv1.Device, error) {
	return ask[apiv1.Device](ctx, c, get(meterPath(meter, "/device"), nil))
}

// SendSummary sends the usage summary to a meter's device (right: command.send). If the device does not listen for one, the
// refusal is meter-offline.
func (c *Client) SendSummary(ctx context.Context, meter string) (apiv1.Device, error) {
	return ask[apiv1.Device](ctx, c, post(meterPath(meter, "/device/summary"), struct{}{}))
}

// ToggleDevice tells a device to toggle its relay (right: command.send). It is for devices that have no separate commands for on and off.
// Each call sends one toggle, so look at the relay before you repeat the call.
func (c *Client) ToggleDevice(ctx context.Context, meter, reason string) (apiv1.Device, error) {
	return ask[apiv1.Device](ctx, c, post(meterPath(meter, "/device/toggle"), apiv1.Reason{Reason: reason}))
}

// Supply shows the state of a wallet meter's supply (right: meter.read).
func (c *Client) Supply(ctx context.Context, meter string) (apiv1.Supply, error) {
	return ask[apiv1.Supply](ctx, c, get(meterPath(meter, "/supply"), nil))
}

// CutSupply cuts a supply until a person restores it (right: command.send).
func (c *Client) CutSupply(ctx context.Context, meter, reason string) (apiv1.Switched, error) {
	return ask[apiv1.Switched](ctx, c, post(meterPath(meter, "/cut"), apiv1.Reason{Reason: reason}))
}

// RestoreSupply ends a cut by a person (right: command.send).
func (c *Client) RestoreSupply(ctx context.Context, meter, reason string) (apiv1.Switched, error) {
	return ask[apiv1.Switched](ctx, c, post(meterPath(meter, "/restore"), apiv1.Reason{Reason: reason}))
}

// RestoreInEmergency restores a supply at night, on credit, for some hours and an energy (right: command.send).
func (c *Client) RestoreInEmergency(ctx context.Context, meter string, e apiv1.NewEmergency) (apiv1.Supply, error) {
	return ask[apiv1.Supply](ctx, c, post(meterPath(meter, "/emergency"), e))
}

// SetSupply protects an account from being cut off, or sets what happens when a lease's time ends (right: meter.write).
func (c *Client) SetSupply(ctx context.Context, meter string, change apiv1.SupplyChange) (apiv1.Supply, error) {
	return ask[apiv1.Supply](ctx, c, post(meterPath(meter, "/supply"), change))
}

// MeterConfig shows the configuration of a meter that keeps its credit itself, and whether the meter has it (right: meter.read).
func (c *Client) MeterConfig(ctx context.Context, meter string) (apiv1.MeterConfig, error) {
	return ask[apiv1.MeterConfig](ctx, c, get(meterPath(meter, "/config"), nil))
}

// SetMeterConfig configures a meter: emergency credit, friendly hours, limits, lifeline, texts (right: meter.write).
func (c *Client) SetMeterConfig(ctx context.Context, meter string, change apiv1.MeterConfigChange) (apiv1.MeterConfig, error) {
	return ask[apiv1.MeterConfig](ctx, c, post(meterPath(meter, "/config"), change))
}

func meterPath(ref, rest string) string { return "/v1/meters/" + url.PathEscape(ref) + rest }
