package apiv1

import "time"

// AdoptedDevice is an unmodified device at the shared listener that is a meter.
type AdoptedDevice struct {
	Name      string       `json:"name" example:"kitchen" doc:"Name that the device gives itself in its topics, or its fixed client id"`
	Meter     string       `json:"meter" doc:"Number of the meter"`
	Profile   string       `json:"profile" example:"tasmota" doc:"Name of the device profile"`
	ClientID  string       `json:"client_id" example:"DVES_8A3F21" doc:"MQTT client id that it had when it was adopted; no other client may use its name"`
	AdoptedAt time.Time    `json:"adopted_at" doc:"When it was adopted"`
	AdoptedBy string       `json:"adopted_by" doc:"Who adopted it"`
	Connected bool         `json:"connected" doc:"Whether it is connected to this server now"`
	DataAt    *time.Time   `json:"data_at,omitempty" doc:"When it last sent data to this server"`
	Claim     *DeviceClaim `json:"claim,omitempty" doc:"Last attempt of another client to use its name"`
}

// DeviceClaim is an attempt of another client to use the name of an adopted device. It was refused.
type DeviceClaim struct {
	ClientID string    `json:"client_id" doc:"MQTT client id of the other client"`
	Address  string    `json:"address" doc:"IP address of the other client"`
	At       time.Time `json:"at" doc:"When it tried last"`
	Times    int64     `json:"times" doc:"How often clients tried since the server started"`
}

// UnknownDevice is a device that talks at the shared listener of this server and belongs to no meter. The server does nothing for it, and forgets
// it when it restarts.
type UnknownDevice struct {
	Name       string    `json:"name" example:"kitchen" doc:"Name that the device gives itself"`
	ClientID   string    `json:"client_id" example:"DVES_8A3F21" doc:"Its MQTT client id"`
	Address    string    `json:"address" doc:"IP address from which it connects"`
	Profiles   []string  `json:"profiles" doc:"Device profiles that understand its messages"`
	Said       string    `json:"said" doc:"Its last message: at most 60 printable characters"`
	FirstHeard time.Time `json:"first_heard" doc:"When it was first heard"`
	LastHeard  time.Time `json:"last_heard" doc:"When it was last heard"`
	Messages   int64     `json:"messages" doc:"How many messages came"`
	Connected  bool      `json:"connected" doc:"Whether it is connected now"`
	NameOf     string    `json:"name_of,omitempty" doc:"Number of the meter whose device already has this name"`
}

// NewDevice adopts a device that talks.
type NewDevice struct {
	Name     string `json:"name" maxLength:"64" example:"kitchen" doc:"Name of an unknown device that talks"`
	Meter    string `json:"meter" maxLength:"64" doc:"Number or id of a meter whose balance is on the server"`
	Profile  string `json:"profile,omitempty" maxLength:"40" example:"tasmota" doc:"Device profile; default: the first that understands the device"`
	ClientID string `json:"client_id,omitempty" maxLength:"64" doc:"Needed if several unknown devices use the name"`
}

// DevicePassword is the password of the shared listener, which is shown once.
type DevicePassword struct {
	User       string `json:"user" doc:"MQTT user name of all devices"`
	Password   string `json:"password,omitempty" doc:"The password; empty if the listener needs none any more"`
	SecretGone string `json:"secret_gone,omitempty" doc:"Why a repeated answer lacks the password"`
}

// AdoptedDevices is the list of adopted devices.
var AdoptedDevices = Listing[Page, AdoptedDevice]{Name: "devices", Path: "/v1/devices", Tag: "devices", Summary: "List the devices of the shared listener that are meters"}

// UnknownDevices is the list of devices that wait to be adopted.
var UnknownDevices = Listing[Page, UnknownDevice]{Name: "unknown-devices", Path: "/v1/devices/unknown", Tag: "devices", Summary: "List devices that talk and belong to no meter"}

// NewDevicePassword asks for a new password of the shared listener. It is empty: the path says everything.
type NewDevicePassword struct{}

// BoundDevice says which device belongs to a meter with a listener of its own.
type BoundDevice struct {
	Meter   string     `json:"meter" doc:"Number of the meter"`
	Device  string     `json:"device,omitempty" example:"kitchen" doc:"Name that the device gives itself in its topics; missing if none was heard or its topics have no name"`
	BoundAt *time.Time `json:"bound_at,omitempty" doc:"Since when the meter belongs to this device only; missing while the server still listens for a second one"`
	Rival   string     `json:"rival,omitempty" example:"bath" doc:"A second device that was heard. Nothing is charged or switched until somebody chooses one"`
	ReadAt  *time.Time `json:"read_at,omitempty" doc:"When a value of this device was read first; missing if none was"`
}

// ReplacedDevice says which device is a meter's from now on.
type ReplacedDevice struct {
	Device string `json:"device" maxLength:"100" example:"kitchen" doc:"Name of the device in its topics"`
	Reason string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}
