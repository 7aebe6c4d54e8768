package tier

// The counts of all random tests: in go test -short, in ./check and in ./check long. A comment says what each one counts.
// A count of ./check is the smallest that finds every mistake that its test was seen to find.
//
// Only the draws of rapid are counted elsewhere, because rapid reads them before a test begins: RAPID_CHECKS in the script check. Without it
// they are 100.

// sales, stores, server, months
var (
	// RandomDays is how many days of a till are drawn, for an issuer in the server and again for one outside.
	RandomDays = Count{1, 3, 100}
	// PaperLives is how often papers of every kind are made, their texts changed, and the papers printed again, on each engine.
	PaperLives = Count{1, 2, 40}
	// Histories is how many histories of sales and an administrator's acts are drawn. The long count reaches every rare state.
	Histories = Count{1, 8, 400}
	// HistoriesOfTwoServers is the same on PostgreSQL, where a second server works beside the first.
	HistoriesOfTwoServers = Count{1, 4, 40}
	// Lives is how many lives of a shop with crashes are drawn.
	Lives = Count{4, 12, 100}
	// Tenancies is how many tenancies are drawn, in streets of six meters, and TenanciesOnPostgreSQL is the same on PostgreSQL.
	Tenancies             = Count{10, 60, 10_000}
	TenanciesOnPostgreSQL = Count{0, 10, 10_000}
	// RandomPurchases is how many purchases are drawn, to add up their lines and journals.
	RandomPurchases = Count{20_000, 200_000, 1_000_000}
	// Allocations is how many payments are drawn, to divide them between charges, levies and energy.
	Allocations = Count{20_000, 100_000, 1_000_000}
	// RatedReports is how many series of reports are drawn, to rate the same use as the exact cost.
	RatedReports = Count{2000, 2000, 100_000}
	// SlowIssuers is how many shops sell while their issuer answers late and in any order.
	SlowIssuers = Count{4, 4, 100}
	// TariffHistories is how many tariffs get versions that are replaced and withdrawn, on each engine.
	TariffHistories = Count{20, 20, 400}
	// ExplainedTariffs is how many tariffs are drawn, to explain the sales on them.
	ExplainedTariffs = Count{40, 40, 1000}
	// RandomEdits is how many values of the books are changed, one at a time, to be found by a verification.
	RandomEdits = Count{20, 100, 2000}
	// PaymentsOfAProvider is how many payments each provider brings, with faults of its network.
	PaymentsOfAProvider = Count{20, 100, 400}
	// PaymentCalls is how many calls each of 16 callers makes about the same payments.
	PaymentCalls = Count{50, 150, 150}
	// UploadedPairDays is how many days every pair of exports is uploaded to a server. With 0, each export is uploaded with the next one.
	UploadedPairDays = Count{0, 0, 1}
	// UploadedPairs is how many days one pair of exports is uploaded to a server.
	UploadedPairs = Count{10, 40, 400}
)

var (
	// Streets is how many streets of 30 meters live for 30 days, with power cuts and opened covers.
	Streets = Count{1, 3, 30}
	// WalletMeters is how many wallet meters live for a month in a bad network.
	WalletMeters = Count{4, 8, 60}
	// WildReadings is how many wallets get thirty readings that no meter sends.
	WildReadings = Count{300, 3000, 30_000}
	// TokenMonths is how many months of use are bought as tokens and rated as a wallet.
	TokenMonths = Count{30, 300, 3000}
	// UsePatterns is how many patterns of use are drawn, to rate them.
	UsePatterns = Count{20_000, 200_000, 1_000_000}
	// SharedAccounts is how many accounts of one to three meters live for weeks in a network that loses messages.
	SharedAccounts = Count{15, 60, 300}
	// ExportPairDays is how many days every pair of exports is compared by the rules alone.
	ExportPairDays = Count{1, 2, 20}
	// ExportPairs is how many days one pair of exports is compared by the rules alone.
	ExportPairs = Count{50, 300, 10_000}
	// MonthPayments is how many payments the month has that is reconciled. A busy utility has 20,000.
	MonthPayments = Count{1000, 4000, 20_000}
	// ImportedRows is how many rows the large file has that is imported.
	ImportedRows = Count{0, 1000, 10_000}
)

var (
	// FailingStatements is how many rounds the suite of the store takes on an engine whose statements fail, another in each round.
	FailingStatements = Count{0, 0, 1}
	// KilledUpgrades is in how many of the newest migrations SQLite's upgrade is killed before each statement; the newest is a made-up one.
	KilledUpgrades = Count{0, 1, 2}
	// CutOffUpgrades is in how many of the newest migrations PostgreSQL's upgrade loses its connection before each statement.
	CutOffUpgrades = Count{0, 0, 5}
	// FlippedBits is how many bits of the books are flipped, one at a time, to be found by a verification.
	FlippedBits = Count{10, 40, 300}
	// Backups is how many backups are made of a server that sells.
	Backups = Count{1, 1, 20}
	// KilledSellers is how often a process that sells is killed.
	KilledSellers = Count{0, 5, 50}
)

var (
	// RotationKills is how often a change of the data key or the seal key is killed at each kind of call that writes.
	RotationKills = Count{0, 1, 1000}
	// LifelongReadings is how many readings the meters have whose pages are measured: 100,000 are seven months of a reading each three minutes.
	LifelongReadings = Count{0, 0, 100_000}
	// Houses is how many meters show the same balance everywhere.
	Houses = Count{0, 100, 200}
)

// meters, gateway, modems, pages
var (
	// ThemeDepth is how many actions follow one another in the searches of one theme of a meter, and of a key change. Each further action
	// takes four times as long. All planted bugs are found within 7.
	ThemeDepth = Count{Short: 5, Check: 7, Long: 8}
	// MeterDepth is how many actions follow one another in the search of all actions of a meter. Each further action takes nine times
	// as long: 7 takes about 100 CPU seconds for each of five starts. No search is deeper than 8.
	MeterDepth = Count{Short: 3, Check: 4, Long: 7}
	// LeftOutDepth is how many actions follow one another in the two searches that are compared, to see what a fingerprint may leave out.
	LeftOutDepth = Count{Short: 2, Check: 3, Long: 4}
	// MeterLives is the number of random lives of a meter in each test that compares two ways to live them.
	MeterLives = Count{Short: 5, Check: 10, Long: 1000}
	// MeterEvents is the number of meters that are given 300 random events each. Fewer than 100 do not reach every rare state.
	MeterEvents = Count{Short: 100, Check: 100, Long: 10_000}
	// MeterStates is the number of random states at which the short cut of a meter's step is compared with the long way.
	MeterStates = Count{Short: 40_000, Check: 400_000, Long: 4_000_000}
	// MeterCuts is the number of random moments at which a year of a meter is cut into pieces.
	MeterCuts = Count{Short: 10_000, Check: 100_000, Long: 1_000_000}
	// MeterMemories is the number of random states that are written into a meter's memory and read back.
	MeterMemories = Count{Short: 50, Check: 200, Long: 2000}
	// RolledMeters is the number of meters that change from base date 1993 to 2014.
	RolledMeters = Count{Short: 1000, Check: 10_000, Long: 100_000}
	// TornBytes is how many of 1,000 bytes that a meter writes for forty tokens are torn by a power cut.
	TornBytes = Count{Short: 5, Check: 35, Long: 1000}
	// TokenOrders is the number of orders in which forty tokens are entered.
	TokenOrders = Count{Short: 3, Check: 20, Long: 100}
	// ChanceTokens is the number of tokens whose mistyped digits and wrong keys are tried, and the number of vouchers of one batch.
	ChanceTokens = Count{Short: 20_000, Check: 250_000, Long: 4_000_000}
	// CipherBlocks is the number of random keys and blocks on which our ciphers are compared with others.
	CipherBlocks = Count{Short: 1000, Check: 5000, Long: 100_000}

	// MeterReplies is the number of meters that are brought five tokens each by SMS, in a network that loses, doubles and reorders.
	MeterReplies = Count{Short: 40, Check: 400, Long: 10_000}

	// ModemFaults is the number of seeds of a modem's faults; each plays about ten thousand commands.
	ModemFaults = Count{Short: 1, Check: 2, Long: 200}
	// ChangedPackets is the number of random changes of MQTT packets that are read.
	ChangedPackets = Count{Short: 50_000, Check: 500_000, Long: 20_000_000}
	// RegisterStreams is the number of random streams of a device's own register.
	RegisterStreams = Count{Short: 300, Check: 3000, Long: 100_000}

	// RandomTexts is the number of random files and texts on which a reader of ours is compared with one of the standard library.
	RandomTexts = Count{Short: 2000, Check: 20_000, Long: 500_000}
	// RandomSums is the number of random sums on which our arithmetic of money is compared with exact fractions, and of random postings.
	RandomSums = Count{Short: 10_000, Check: 50_000, Long: 2_000_000}
)

// e2e, commands
//
// Each is a test of the whole program. Its rule stands in a test of a package too, so ./check repeats it only as often as the planted
// mistakes of e2e need. A count without a value for ./check belongs to a test that only ./check long runs.
var (
	// E2EKills are the kills of servers and meters on SQLite. The planted early acknowledgement is caught within 15.
	E2EKills = Count{Check: 15, Long: 100}
	// E2EPlantedKills are the kills within which the planted early acknowledgement is caught.
	E2EPlantedKills = Count{Long: 15}
	// E2EKillsOnPostgreSQL are the same with two servers and a database that is killed too.
	E2EKillsOnPostgreSQL = Count{Check: 8, Long: 40}
	// E2EPayments are the payments of a provider whose server is killed, and E2EPaymentKills the kills.
	E2EPayments     = Count{Check: 200, Long: 2_000}
	E2EPaymentKills = Count{Check: 3, Long: 10}
	// E2ERogueRequests are the requests of a dishonest insider, in all roles together.
	E2ERogueRequests = Count{Check: 500, Long: 4_000}
	// E2ERogueBetrayals are the requests with which an insider tries each way to betray somebody's trust.
	E2ERogueBetrayals = Count{Long: 40}
	// E2ELinearOperations are the operations on money that must look as if done one after the other. Without the locks of a float's rows the
	// history of two servers is found illegal within 1,000, and not within 500.
	E2ELinearOperations = Count{Check: 1_000, Long: 8_000}
	// E2EPlantedOperations are those within which the planted race is found; 512 were enough each time.
	E2EPlantedOperations = Count{Check: 1_000, Long: 2_000}
	// E2EClusterFaults are the faults of a PostgreSQL cluster, of twelve kinds. One takes half a minute.
	E2EClusterFaults = Count{Long: 24}
	// E2EBacklogMeters are the meters that return at once, each with a month of readings.
	E2EBacklogMeters = Count{Long: 50}
	// E2EAwaySeconds is how long a database is away.
	E2EAwaySeconds = Count{Long: 10}
	// E2EOfflineDays is how many days a meter has no network, a multiple of three. A meter keeps 90 days.
	E2EOfflineDays = Count{Check: 9, Long: 90}
	// E2EImportRows are the rows of a file whose import is killed.
	E2EImportRows = Count{Long: 10_000}
	// E2EPairsOfExports are the random pairs of statements that a server reads.
	E2EPairsOfExports = Count{Long: 12}
	// E2EStrangers are the ways in which strangers hold a listener open, of about 170. The first five are the dearest. TIER_TIMES=15 takes all.
	E2EStrangers = Count{Long: 12}
	// E2EWritePoints are the system calls at which each command that writes is killed and fails. Zero: one of the two, in turn.
	E2EWritePoints = Count{Long: 1}
	// E2ELoadSeconds is how long the load of a live page is measured.
	E2ELoadSeconds = Count{Long: 10}

	// MeterKills are the kills of a meter's program while tokens are typed.
	MeterKills = Count{Short: 2, Check: 10, Long: 50}
	// RechargePowerCuts are the places of a recharge by SMS at which the mains is cut, of about a thousand bytes.
	RechargePowerCuts = Count{Short: 5, Check: 60, Long: 100_000}
	// PushMeters are the meters that get five tokens each through the server's modem.
	PushMeters = Count{Short: 1, Check: 2, Long: 8}
	// PushMetersInBadWeather and PushTokensInBadWeather are the meters, and the tokens of each, in a network that loses a fifth.
	PushMetersInBadWeather = Count{Check: 2, Long: 8}
	PushTokensInBadWeather = Count{Check: 3, Long: 5}
	// SMSRecharges are the recharges by SMS whose time is measured.
	SMSRecharges = Count{Long: 200}
)
