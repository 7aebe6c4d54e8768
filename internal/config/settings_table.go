package config

// Keys of the settings.
const (
	HTTP               = "http"
	MQTT               = "mqtt"
	MQTTLegacy         = "mqtt_legacy"
	MQTTIntegration    = "mqtt_integration"
	TLSCert            = "tls_cert"
	TLSKey             = "tls_key"
	Store              = "store"
	Data               = "data"
	PassphraseFile     = "passphrase_file"
	LegacyPollInterval = "legacy_poll_interval"
	SMSModem           = "sms_modem"
	SMSAnswerWait      = "sms_answer_wait"
	LogLevel           = "log_level"
	URL                = "url"
	APIKey             = "key"
)

// settings is every setting there is.
var settings = [...]Setting{
	{Key: Data, Default: "./paywatt-data", NotFile: true, Help: "folder of everything Paywatt keeps"},
	{Key: HTTP, Default: "127.0.0.1:8080", Help: "address of the HTTP API; port 0 takes a free one"},
	{Key: MQTT, Default: "127.0.0.1:1883", Help: "address for the meters; port 0 takes a free one"},
	{Key: MQTTLegacy, Kind: List, Help: "listener for one unmodified device: ADDR=METER[:PROFILE], profile seed-a unless named; repeatable"},
	{Key: LegacyPollInterval, Kind: Duration, Default: "10s", Help: "how often such a device is asked for data"},
	{Key: MQTTIntegration, Help: "address of the MQTT broker for programs that read meters' states, such as Home Assistant; none unless given"},
	{Key: SMSModem, Kind: List, Help: "GSM modem that messages go out by and come in by: PORT[=NUMBER]; repeatable; [[sms_route]] in the file describes other routes"},
	{Key: SMSAnswerWait, Kind: Duration, Default: "1m", Help: "how long a meter has to answer a token by SMS before it is sent once more; doubles"},
	{Key: TLSCert, Help: "certificate file for both listeners; needs tls_key"},
	{Key: TLSKey, Help: "private key file of tls_cert"},
	{Key: Store, Help: "database instead of the one in the data folder: postgres://user@host/database"},
	{Key: PassphraseFile, Help: "file that holds the key store's passphrase on its first line"},
	{Key: LogLevel, Default: "info", Help: "least severe log line: debug, info, warn or error"},
	{Key: URL, Client: true, Help: "server that commands speak to, http://..."},
	{Key: APIKey, Client: true, Secret: true, NotFile: true, Help: "API key that commands use"},
}
