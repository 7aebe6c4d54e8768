package config

// Keys of the settings.
const (
	HTTP               = "http"
	MQTT               = "mqtt"
	MQTTLegacy         = "mqtt_legacy"
	MQTTDevices        = "mqtt_devices"
	MQTTIntegration    = "mqtt_integration"
	TLSCert            = "tls_cert"
	TLSKey             = "tls_key"
	MQTTCA             = "mqtt_ca"
	MQTTRevoked        = "mqtt_revoked"
	MQTTCertificates   = "mqtt_certificates_only"
	PlainHTTP          = "plain_http"
	PlainMQTT          = "plain_mqtt"
	TrustedProxy       = "trusted_proxy"
	Host               = "host"
	Metrics            = "metrics"
	PublicURL          = "public_url"
	HeadsTo            = "heads_to"
	Store              = "store"
	Standbys           = "standbys"
	ServerName         = "server_name"
	Data               = "data"
	PassphraseFile     = "passphrase_file"
	LegacyPollInterval = "legacy_poll_interval"
	SMSModem           = "sms_modem"
	SMSAnswerWait      = "sms_answer_wait"
	LogLevel           = "log_level"
	SafeMode           = "safe_mode"
	PayByPhone         = "pay_by_phone"
	URL                = "url"
	APIKey             = "key"
)

// settings lists every setting.
var settings = [...]Setting{
	{Key: Data, Default: "./paywatt-data", NotFile: true, Help: "data folder: database, keys and settings"},
	{Key: HTTP, Default: "127.0.0.1:8080", Help: "address of the HTTP API; port 0 chooses a free port"},
	{Key: MQTT, Default: "127.0.0.1:1883", Help: "address of the MQTT listener for meters; port 0 chooses a free port"},
	{Key: MQTTLegacy, Kind: List, Help: "listener for one unmodified device: ADDR=METER[:PROFILE], repeatable; the default profile is seed-a"},
	{Key: MQTTDevices, Help: "address of the MQTT listener for many unmodified devices, which people adopt (default: none)"},
	{Key: LegacyPollInterval, Kind: Duration, Default: "10s", Help: "time between two polls of an unmodified device"},
	{Key: MQTTIntegration, Help: "address of the MQTT broker for programs that read meters' states, such as Home Assistant (default: none)"},
	{Key: SMSModem, Kind: List, Help: "GSM modem that sends and receives messages: PORT[=NUMBER], repeatable; [[sms_route]] in the settings file describes other routes"},
	{Key: SMSAnswerWait, Kind: Duration, Default: "1m", Help: "time to wait for a meter's answer to a token by SMS before it is sent again; doubles each time"},
	{Key: TLSCert, Help: "certificate file for all listeners but those of mqtt_legacy and mqtt_devices; needs the private key too; read again when it changes"},
	{Key: TLSKey, Help: "private key file of the certificate"},
	{Key: MQTTCA, Help: "file with the certificates of the authorities whose certificates meters may sign in with, instead of a password; needs tls_cert; read again when it changes (default: passwords only)"},
	{Key: MQTTRevoked, Help: "file with the authorities' signed lists of revoked certificates, one of each; read again when it changes (default: none is revoked)"},
	{Key: MQTTCertificates, Kind: Switch, Default: "false", Help: "refuse meters' passwords at the MQTT listener: only certificates count; needs mqtt_ca"},
	{Key: PlainHTTP, Kind: Switch, Default: "false", Help: "accept HTTP without encryption from other machines; keys and passwords can then be read on the network"},
	{Key: PlainMQTT, Kind: Switch, Default: "false", Help: "accept MQTT without encryption from other machines; meters' passwords can then be read on the network"},
	{Key: TrustedProxy, Kind: List, Help: "network or address of a reverse proxy whose X-Forwarded-For is believed, such as 10.0.0.0/24; repeatable"},
	{Key: Host, Kind: List, Help: "host name under which people and programs reach the server, repeatable; requests for other names are refused (default: any name)"},
	{Key: Metrics, Help: "address of its own for /metrics, which then needs no key (default: /metrics at the HTTP address, with a key)"},
	{Key: PublicURL, Help: "address under which people reach the console, such as https://pay.example.org; receipts then have a QR code that leads to their explanation (default: none)"},
	{Key: PayByPhone, Kind: Switch, Default: "false", Help: "use a payment without a reference for the customer whose registered telephone paid, if that customer has one meter and the number has been registered for a day"},
	{Key: HeadsTo, Help: "folder on another machine or disk into which the signed heads are copied every 15 minutes (default: none)"},
	{Key: Store, Help: "database instead of the one in the data folder: postgres://user@host/database"},
	{Key: Standbys, Default: "0", Help: "how many standbys the PostgreSQL database should have; the server says when fewer follow (default: as many as have followed at once)"},
	{Key: ServerName, Help: "name of this server in its alarms, if several share a PostgreSQL database; each has its own (default: the host name)"},
	{Key: PassphraseFile, Help: "file with the passphrase of the key store on its first line"},
	{Key: LogLevel, Default: "info", Help: "lowest level of the log: debug, info, warn or error"},
	{Key: SafeMode, Kind: Switch, Default: "true", NotFile: true, Help: "if the settings, the certificate, a listener, the data folder or the database cannot be used, serve a page that says why instead of ending"},
	{Key: URL, Client: true, Help: "address of the server for commands, such as http://127.0.0.1:8080"},
	{Key: APIKey, Client: true, Secret: true, NotFile: true, Help: "API key that commands use"},
}
