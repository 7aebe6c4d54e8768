package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newDeviceCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use: "device", Short: "Adopt Tasmota, Shelly, ESPHome and others as meters",
		Long: "Adopt unmodified devices as meters, and release them. The devices connect to the shared listener (paywatt serve --mqtt-devices ADDR).\n" +
			"docs/guide/devices.md has the steps.",
	}
	cmd.AddCommand(newDeviceList(c), newDeviceUnknown(c), newDeviceAdopt(c), newDeviceRelease(c), newDeviceReplace(c), newDevicePassword(c))
	return cmd
}

func newDeviceList(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.AdoptedDevice]{
		use: "list", example: "  paywatt device list", of: apiv1.AdoptedDevices, page: (*client.Client).Devices, limit: 50,
		table: columns("name, meter, profile, client id, connected, last data, adopted, claimed by", func(d apiv1.AdoptedDevice) []any {
			claim := ""
			if d.Claim != nil {
				claim = d.Claim.ClientID
			}
			return []any{d.Name, d.Meter, d.Profile, d.ClientID, d.Connected, timeText(d.DataAt), timeText(&d.AdoptedAt), claim}
		}),
	}.command(c)
}

func newDeviceUnknown(c console) *cobra.Command {
	cmd := list[apiv1.Page, apiv1.UnknownDevice]{
		use: "unknown", example: "  paywatt device unknown", of: apiv1.UnknownDevices, page: (*client.Client).UnknownDevices, limit: 50,
		table: columns("name, client id, profiles, address, connected, last heard, said, name of meter", func(d apiv1.UnknownDevice) []any {
			return []any{d.Name, d.ClientID, strings.Join(d.Profiles, " "), d.Address, d.Connected, timeText(&d.LastHeard), d.Said, d.NameOf}
		}),
	}.command(c)
	return cmd
}

func adoptedTable(d apiv1.AdoptedDevice) table {
	return fields("device", d.Name, "meter", d.Meter, "profile", d.Profile, "client id", d.ClientID, "adopted", timeText(&d.AdoptedAt))
}

func newDeviceAdopt(c console) *cobra.Command {
	n := apiv1.NewDevice{}
	cmd := &cobra.Command{
		Use: "adopt NAME METER", Short: "Make a device that talks the device of a meter", Args: cobra.ExactArgs(2),
		Long: "Make a device that talks the device of a meter whose balance is on the server. The device connects again at once. Where four\n" +
			"eyes apply, a second person must agree.",
		Example: "  paywatt device adopt kitchen 04140001001\n  paywatt device adopt kitchen 04140001001 --profile tasmota",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n.Name, n.Meter = args[0], args[1]
			d, err := api.AdoptDevice(cmd.Context(), n)
			return answer(c, cmd, d, err, adoptedTable)
		}),
	}
	cmd.Flags().StringVar(&n.Profile, "profile", "", "device profile (default: the first that understands the device)")
	cmd.Flags().StringVar(&n.ClientID, "client-id", "", "MQTT client id; needed if several devices use the name")
	return cmd
}

func newDeviceRelease(c console) *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use: "release NAME", Short: "Release a device from its meter", Args: cobra.ExactArgs(1),
		Example: "  paywatt device release kitchen --reason \"replaced after a fire\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			d, err := api.ReleaseDevice(cmd.Context(), args[0], reason)
			return answer(c, cmd, d, err, adoptedTable)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (needed); written to the audit log")
	return cmd
}

func newDeviceReplace(c console) *cobra.Command {
	d := apiv1.ReplacedDevice{}
	cmd := &cobra.Command{
		Use: "replace METER NAME", Short: "Replace the device of a meter that has a listener of its own", Args: cobra.ExactArgs(2),
		Long: "Replace the device that belongs to a meter with a listener of its own (paywatt serve --mqtt-legacy ADDR=METER): after the device was replaced, or when\n" +
			"two devices were heard. From then on only messages of this device count, and only this device is switched. NAME is the name in its topics.\n" +
			"Where four eyes apply, a second person must agree.",
		Example: "  paywatt device replace 04140001001 kitchen-2 --reason \"the old plug burned out\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			d.Device = args[1]
			b, err := api.ReplaceDevice(cmd.Context(), args[0], d)
			return answer(c, cmd, b, err, func(b apiv1.BoundDevice) table {
				return fields("meter", b.Meter, "device", b.Device, "since", timeText(b.BoundAt), "first value", timeText(b.ReadAt))
			})
		}),
	}
	cmd.Flags().StringVar(&d.Reason, "reason", "", "why, in a few words (needed); written to the audit log")
	return cmd
}

func newDevicePassword(c console) *cobra.Command {
	off := false
	cmd := &cobra.Command{
		Use: "password", Short: "Give the shared listener a new password, or none", Args: cobra.NoArgs,
		Long: "Give the shared listener a new password and print it once. All devices have the same user name and password, so a device that knows it can\n" +
			"still say that it is another device. With --off, the listener needs no password any more.",
		Example: "  paywatt device password\n  paywatt device password --off",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			change := api.NewDevicePassword
			if off {
				change = api.DropDevicePassword
			}
			p, err := change(cmd.Context())
			if err == nil && !off {
				c.tell("The password is shown only once. Every device needs it from now on.")
			}
			return answer(c, cmd, p, err, func(p apiv1.DevicePassword) table { return fields("user", p.User, "password", p.Password) })
		}),
	}
	cmd.Flags().BoolVar(&off, "off", false, "let devices connect without a password")
	return cmd
}
