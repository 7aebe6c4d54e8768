package panel

// text names one thing that a panel says.
type text uint8

const (
	none text = iota

	// The home page.
	credit      // kWh
	creditShort // kWh, where the figure is long
	leaseLeft   // kWh, in the place of the credit where the money is at the server
	load        // W
	total       // kWh
	totalShort  // kWh

	// How the supply is.
	connected
	pressHash
	locked   // mm:ss
	waiting  // mm:ss
	lifeline // W
	memoryFault
	offCredit
	offRemote
	offLocal
	offTamper
	offOverload // mm:ss
	offLease
	offFault
	offInactive
	offTest

	// The menu.
	menuRecharge
	menuHistory
	menuClock
	menuOff
	menuOn
	menuClear
	menuKeys
	wrongChoice
	rightChoices

	// Menu 1, and digits typed from the home page.
	enter
	enterHint
	tooLong
	entryKeys // n/20 on a line of 20

	// Menu 2.
	today
	yesterday
	thisMonth
	dayRow     // DD.MM.YYYY
	monthRow   // MM.YYYY
	cardRow    // MM.YYYY
	cardSpoilt // behind a number, beside kWh
	cardTitle
	cardUnread
	historyKeys
	historySkip
	noTokens
	backHint
	noHistory

	// Menu 3.
	clockUnset
	clockForm // what is still to be typed: day, month, year, hour, minute
	clockKeys
	clockShort
	clockShortHint
	clockWrong
	clockAgainHint
	clockSet
	clockFar
	clockBackward
	clockKept
	clockKeptHint

	// Menus 4 and 5.
	yesOrNo

	// Menu 4.
	localOffAsk
	localOnAsk
	localOff
	localOffHint
	localOn

	// Menu 5.
	clearAsk
	clearSure
	clearDone
	clearDoneHint

	// Results of tokens.
	accepted      // kWh, where there is room for both
	acceptedShort // kWh
	firstPart
	nextPart
	nextPartHint
	creditFull
	laterHint
	keyType
	sellerHint
	notToken
	notTokenHint
	tooMuch
	badValue
	notSupported
	tooOld
	used
	receiptHint
	keyExpired
	notReady
	wrongToken
	wrongTokenHint
	otherMeter
	tooManyWrong
	busy
	againHint
	keyChanged
	limitSet
	creditCleared
	tamperCleared

	// Results in a line of the history, beside a date.
	rowUsed
	rowWrong
	rowRefused
	rowDone
	rowPart

	// Pages of test tokens and of short codes.
	testSwitch
	testSwitchOpen
	keyRevision // 1 to 9
	keyKind     // 0 to 3
	tariffIndex // 00 to 99
	algorithm   // 07 or 11, below it
	group       // six digits below it
	expiry      // 0 to 255 below it
	keyTokens
	version
	meterNumber
	tokenInput
	inputKeypad
	inputSMS
	inputRemote
	powerLimit
	noLimit
	tamper
	noTamper
	hasTamper
	tariff
	noTariff

	// Emergency credit.
	ecTitle
	ecUse      // kWh
	ecUseShort // kWh
	ecOn
	ecLeft // kWh
	ecAgain
	ecNone
	ecNotNeeded
	ecNotNeededHint
	ecUsed
	buyHint

	// Warnings.
	warnLow1
	warnLow2
	warnCutOff
	warnEmergency
	warnEmergencyHint // a short code
	warnTamper
	warnOverload
	warnOverloadHint
	warnEnding

	// Short code pages.
	pageState
	unknown

	// Messages. The contract gives the English of the first ones to the letter.
	smsAccepted
	smsAcceptedBalance
	smsDone
	smsNext
	smsUsed
	smsRejected
	smsBalance
	smsToken // its first and last four digits
	smsLeft  // kWh, in the place of smsBalance where the money is at the server
	smsEmergency
	smsEmergencyAgain
	smsEmergencyUsed
	smsEmergencyNotNeeded
	smsEmergencyNone
	smsEmergencyLater
	smsTokens
	smsNoTokens
	smsUsage
	smsSupply
	smsClock
	smsTamper
	smsLow1
	smsLow2
	smsCutOff
	smsOffer
	smsTampered
	smsOverload
	smsEnding

	textCount
)

// entry is one text in every language. Room is how many characters there are for it: 16 where it has a line of its own,
// less where a figure stands beside it, 160 for a message with its figures in.
type entry struct {
	room int
	in   [languages]string
}

// catalogue is everything a panel says. Lines of the display are of the characters that every display of this kind has
// (ASCII without the backslash and the tilde, which its character ROM shows as other signs), so French goes without
// accents there; messages are of the GSM alphabet.
var catalogue = [textCount]entry{
	// The home page.
	credit:      {16, [languages]string{"CREDIT", "SALIO", "CREDIT"}},
	creditShort: {7, [languages]string{"CR", "SA", "CR"}},
	leaseLeft:   {16, [languages]string{"LEFT", "BAKI", "RESTE"}},
	load:        {6, [languages]string{"LOAD", "MZIGO", "CHARGE"}},
	total:       {16, [languages]string{"TOTAL", "JUMLA", "TOTAL"}},
	totalShort:  {7, [languages]string{"TOT", "JML", "TOT"}},

	// How the supply is.
	connected:   {16, [languages]string{"CONNECTED", "UMEME UPO", "CONNECTE"}},
	pressHash:   {16, [languages]string{"PRESS #", "BONYEZA #", "APPUYEZ #"}},
	locked:      {8, [languages]string{"LOCKED", "IMEFUNGA", "BLOQUE"}},
	waiting:     {8, [languages]string{"WAIT", "SUBIRI", "ATTENTE"}},
	lifeline:    {10, [languages]string{"LIFELINE", "KIDOGO", "SECOURS"}},
	memoryFault: {16, [languages]string{"MEMORY FAULT", "MEMORI MBOVU", "PANNE MEMOIRE"}},
	offCredit:   {16, [languages]string{"NO CREDIT", "SALIO LIMEISHA", "PLUS DE CREDIT"}},
	offRemote:   {16, [languages]string{"REMOTE OFF", "IMEZIMWA MBALI", "COUPE A DISTANCE"}},
	offLocal:    {16, [languages]string{"LOCAL OFF", "IMEZIMWA HAPA", "COUPURE LOCALE"}},
	offTamper:   {16, [languages]string{"TAMPER", "IMECHEZEWA", "INTRUSION"}},
	offOverload: {10, [languages]string{"OVERLOAD", "MZIGO MNO", "SURCHARGE"}},
	offLease:    {16, [languages]string{"LEASE ENDED", "MUDA UMEISHA", "DELAI ECOULE"}},
	offFault:    {16, [languages]string{"FAULT", "HITILAFU", "PANNE"}},
	offInactive: {16, [languages]string{"NOT ACTIVE", "HAIJAANZISHWA", "PAS EN SERVICE"}},
	offTest:     {16, [languages]string{"TEST", "JARIBIO", "ESSAI"}},

	// The menu.
	menuRecharge: {16, [languages]string{"1 RECHARGE", "1 JAZA UMEME", "1 RECHARGER"}},
	menuHistory:  {16, [languages]string{"2 USAGE HISTORY", "2 MATUMIZI", "2 CONSOMMATION"}},
	menuClock:    {16, [languages]string{"3 DATE AND TIME", "3 TAREHE NA SAA", "3 DATE ET HEURE"}},
	menuOff:      {16, [languages]string{"4 LOAD OFF", "4 ZIMA UMEME", "4 COUPER"}},
	menuOn:       {16, [languages]string{"4 LOAD ON", "4 WASHA UMEME", "4 RETABLIR"}},
	menuClear:    {16, [languages]string{"5 CLEAR DATA", "5 FUTA DATA", "5 VIDER MEMOIRE"}},
	menuKeys:     {16, [languages]string{"# MORE  * BACK", "# ZAIDI  * RUDI", "# SUITE * RETOUR"}},
	wrongChoice:  {16, [languages]string{"NO SUCH CHOICE", "CHAGUO HALIPO", "CHOIX INCONNU"}},
	rightChoices: {16, [languages]string{"PRESS 1-5 OR *", "BONYEZA 1-5 AU *", "TAPEZ 1-5 OU *"}},

	// Menu 1, and digits typed from the home page.
	enter:     {16, [languages]string{"ENTER TOKEN", "INGIZA TOKENI", "ENTREZ LE CODE"}},
	enterHint: {16, [languages]string{"20 DIGITS THEN #", "TARAKIMU 20 + #", "20 CHIFFRES + #"}},
	tooLong:   {16, [languages]string{"TOO LONG * = NEW", "NYINGI, * = UPYA", "TROP, * = EFFACE"}},
	entryKeys: {14, [languages]string{"# OK  * CLEAR", "# SAWA  * FUTA", "# OK  * EFFACE"}},

	// Menu 2.
	today:       {16, [languages]string{"TODAY", "LEO", "AUJOURD'HUI"}},
	yesterday:   {16, [languages]string{"YESTERDAY", "JANA", "HIER"}},
	thisMonth:   {16, [languages]string{"THIS MONTH", "MWEZI HUU", "CE MOIS"}},
	dayRow:      {5, [languages]string{"DAY", "SIKU", "JOUR"}},
	monthRow:    {8, [languages]string{"MONTH", "MWEZI", "MOIS"}},
	cardRow:     {8, [languages]string{"CARD", "KADI", "CARTE"}},
	cardSpoilt:  {4, [languages]string{"BAD", "BOVU", "FAUX"}},
	cardTitle:   {16, [languages]string{"MEMORY CARD", "KADI YA DATA", "CARTE MEMOIRE"}},
	cardUnread:  {16, [languages]string{"CANNOT BE READ", "HAISOMEKI", "ILLISIBLE"}},
	historyKeys: {16, [languages]string{"# MORE  8 BACK", "# ZAIDI  8 NYUMA", "# SUITE 8 RETOUR"}},
	historySkip: {16, [languages]string{"9 SKIP  * LEAVE", "9 RUKA  * TOKA", "9 SAUTER * FIN"}},
	noTokens:    {16, [languages]string{"NO TOKENS YET", "HAKUNA TOKENI", "AUCUN CODE"}},
	backHint:    {16, [languages]string{"* BACK", "* RUDI", "* RETOUR"}},
	noHistory:   {16, [languages]string{"NO HISTORY KEPT", "HAKUNA HISTORIA", "SANS HISTORIQUE"}},

	// Menu 3.
	clockUnset:     {16, [languages]string{"CLOCK NOT SET", "SAA HAIJAWEKWA", "HEURE NON REGLEE"}},
	clockForm:      {14, [languages]string{"DD.MM.YY hh:mm", "SS.MM.MM ss:dd", "JJ.MM.AA hh:mm"}},
	clockKeys:      {16, [languages]string{"# SET  * BACK", "# WEKA  * RUDI", "# OK  * RETOUR"}},
	clockShort:     {16, [languages]string{"10 DIGITS NEEDED", "TARAKIMU 10 TU", "IL EN FAUT 10"}},
	clockShortHint: {16, [languages]string{"DDMMYY hhmm", "SSMMMM ssdd", "JJMMAA hhmm"}},
	clockWrong:     {16, [languages]string{"NO SUCH TIME", "SAA SI SAHIHI", "HEURE INVALIDE"}},
	clockAgainHint: {16, [languages]string{"*3 TRY AGAIN", "*3 JARIBU TENA", "*3 REESSAYEZ"}},
	clockSet:       {16, [languages]string{"CLOCK SET", "SAA IMEWEKWA", "HEURE REGLEE"}},
	clockFar:       {16, [languages]string{"1 h A DAY ONLY", "SAA 1 TU/SIKU", "1 h/JOUR AU PLUS"}},
	clockBackward:  {16, [languages]string{"TIME HAS PASSED", "SAA IMESHAPITA", "HEURE PASSEE"}},
	clockKept:      {16, [languages]string{"SET BY NETWORK", "IMEWEKWA MTANDAO", "PAR LE RESEAU"}},
	clockKeptHint:  {16, [languages]string{"NOTHING TO DO", "HUNA LA KUFANYA", "RIEN A FAIRE"}},

	// Menus 4 and 5.
	yesOrNo: {16, [languages]string{"# YES  * NO", "# NDIO  * HAPANA", "# OUI  * NON"}},

	// Menu 4.
	localOffAsk:  {16, [languages]string{"SWITCH LOAD OFF?", "ZIMA UMEME?", "COUPER COURANT?"}},
	localOnAsk:   {16, [languages]string{"SWITCH LOAD ON?", "WASHA UMEME?", "RETABLIR ?"}},
	localOff:     {16, [languages]string{"LOAD IS OFF", "UMEME UMEZIMWA", "COURANT COUPE"}},
	localOffHint: {16, [languages]string{"*4# SWITCHES ON", "*4# KUWASHA", "*4# RETABLIT"}},
	localOn:      {16, [languages]string{"LOAD IS ON", "UMEME UMEWASHWA", "COURANT RETABLI"}},

	// Menu 5.
	clearAsk:      {16, [languages]string{"CLEAR HISTORY?", "FUTA HISTORIA?", "EFFACER HISTO.?"}},
	clearSure:     {16, [languages]string{"REALLY CLEAR IT?", "UNA UHAKIKA?", "VRAIMENT VIDER?"}},
	clearDone:     {16, [languages]string{"HISTORY CLEARED", "DATA IMEFUTWA", "HISTO. EFFACE"}},
	clearDoneHint: {16, [languages]string{"CREDIT AS BEFORE", "SALIO LIPO", "CREDIT INCHANGE"}},

	// Results of tokens.
	accepted:       {16, [languages]string{"ACCEPTED", "IMEKUBALIWA", "ACCEPTE"}},
	acceptedShort:  {4, [languages]string{"OK", "SAWA", "OK"}},
	firstPart:      {16, [languages]string{"FIRST PART OK", "SEHEMU YA 1 SAWA", "1ERE PARTIE OK"}},
	nextPart:       {16, [languages]string{"PART OK", "SEHEMU SAWA", "PARTIE OK"}},
	nextPartHint:   {16, [languages]string{"ENTER NEXT PART", "INGIZA NYINGINE", "ENTREZ LA SUITE"}},
	creditFull:     {16, [languages]string{"CREDIT IS FULL", "SALIO LIMEJAA", "CREDIT PLEIN"}},
	laterHint:      {16, [languages]string{"ENTER IT LATER", "INGIZA BAADAYE", "REESSAYEZ + TARD"}},
	keyType:        {16, [languages]string{"KEY NOT ALLOWED", "UFUNGUO HAUFAI", "CLE NON PERMISE"}},
	sellerHint:     {16, [languages]string{"ASK YOUR SELLER", "ULIZA MUUZAJI", "VOIR LE VENDEUR"}},
	notToken:       {16, [languages]string{"NOT A TOKEN", "SI TOKENI", "PAS UN CODE"}},
	notTokenHint:   {16, [languages]string{"NEEDS 20 DIGITS", "TARAKIMU 20 TU", "20 CHIFFRES SVP"}},
	tooMuch:        {16, [languages]string{"AMOUNT TOO BIG", "KIASI KIKUBWA", "MONTANT EXCESSIF"}},
	badValue:       {16, [languages]string{"VALUE NOT VALID", "THAMANI MBAYA", "VALEUR INVALIDE"}},
	notSupported:   {16, [languages]string{"NOT SUPPORTED", "HAITUMIKI HAPA", "NON ACCEPTE ICI"}},
	tooOld:         {16, [languages]string{"TOKEN TOO OLD", "TOKENI YA ZAMANI", "CODE TROP ANCIEN"}},
	used:           {16, [languages]string{"USED BEFORE", "IMESHATUMIKA", "DEJA UTILISE"}},
	receiptHint:    {16, [languages]string{"CHECK RECEIPT", "ANGALIA RISITI", "VOIR LE RECU"}},
	keyExpired:     {16, [languages]string{"KEY EXPIRED", "UFUNGUO UMEISHA", "CLE EXPIREE"}},
	notReady:       {16, [languages]string{"METER NOT READY", "MITA SIO TAYARI", "PAS ENCORE PRET"}},
	wrongToken:     {16, [languages]string{"WRONG TOKEN", "TOKENI SI SAHIHI", "CODE FAUX"}},
	wrongTokenHint: {16, [languages]string{"CHECK ALL DIGITS", "KAGUA TARAKIMU", "RELISEZ LE CODE"}},
	otherMeter:     {16, [languages]string{"FOR OTHER METER", "YA MITA NYINGINE", "AUTRE COMPTEUR"}},
	tooManyWrong:   {16, [languages]string{"TOO MANY WRONG", "MAKOSA MENGI", "TROP D'ERREURS"}},
	busy:           {16, [languages]string{"BUSY", "SUBIRI KIDOGO", "OCCUPE"}},
	againHint:      {16, [languages]string{"ENTER IT AGAIN", "INGIZA TENA", "ENTREZ A NOUVEAU"}},
	keyChanged:     {16, [languages]string{"KEY CHANGED", "UFUNGUO MPYA", "CLE CHANGEE"}},
	limitSet:       {16, [languages]string{"LIMIT SET", "KIKOMO KIMEWEKWA", "LIMITE REGLEE"}},
	creditCleared:  {16, [languages]string{"CREDIT CLEARED", "SALIO LIMEFUTWA", "CREDIT EFFACE"}},
	tamperCleared:  {16, [languages]string{"TAMPER CLEARED", "ONYO LIMEFUTWA", "INTRUSION LEVEE"}},

	// Results in a line of the history, beside a date.
	rowUsed:    {10, [languages]string{"USED", "IMETUMIKA", "DEJA UTIL."}},
	rowWrong:   {10, [languages]string{"WRONG", "SI SAHIHI", "FAUX"}},
	rowRefused: {10, [languages]string{"REFUSED", "IMEKATAA", "REFUSE"}},
	rowDone:    {10, [languages]string{"DONE", "TAYARI", "FAIT"}},
	rowPart:    {10, [languages]string{"PART", "SEHEMU", "PARTIE"}},

	// Pages of test tokens and of short codes.
	testSwitch:     {16, [languages]string{"SWITCH TEST", "JARIBIO: SWICHI", "ESSAI COUPURE"}},
	testSwitchOpen: {16, [languages]string{"SWITCH IS OPEN", "SWICHI IKO WAZI", "RELAIS OUVERT"}},
	keyRevision:    {8, [languages]string{"KRN", "KRN", "KRN"}},
	keyKind:        {8, [languages]string{"KT", "KT", "KT"}},
	tariffIndex:    {8, [languages]string{"TI", "TI", "TI"}},
	algorithm:      {16, [languages]string{"EA", "EA", "EA"}},
	group:          {16, [languages]string{"SGC", "SGC", "SGC"}},
	expiry:         {16, [languages]string{"KEN", "KEN", "KEN"}},
	keyTokens:      {16, [languages]string{"KEY TOKENS", "TOKENI ZA UFUNG.", "CODES DE CLE"}},
	version:        {16, [languages]string{"SOFTWARE", "PROGRAMU", "LOGICIEL"}},
	meterNumber:    {16, [languages]string{"METER", "MITA", "COMPTEUR"}},
	tokenInput:     {16, [languages]string{"TOKEN INPUT", "NJIA YA TOKENI", "ENTREE DE CODE"}},
	inputKeypad:    {16, [languages]string{"KEYPAD OK", "VITUFE SAWA", "CLAVIER OK"}},
	inputSMS:       {16, [languages]string{"SMS OK", "SMS SAWA", "SMS OK"}},
	inputRemote:    {16, [languages]string{"REMOTE OK", "MTANDAO SAWA", "RESEAU OK"}},
	powerLimit:     {16, [languages]string{"POWER LIMIT", "KIKOMO CHA NGUVU", "LIMITE DE PUISS."}},
	noLimit:        {16, [languages]string{"NONE", "HAKUNA", "AUCUNE"}},
	tamper:         {16, [languages]string{"TAMPER", "UCHEZEAJI", "INTRUSION"}},
	noTamper:       {16, [languages]string{"NONE", "HAKUNA", "AUCUNE"}},
	hasTamper:      {16, [languages]string{"LATCHED", "UMERIPOTIWA", "VERROUILLEE"}},
	tariff:         {16, [languages]string{"TARIFF", "BEI", "TARIF"}},
	noTariff:       {16, [languages]string{"NOT TOLD", "HAIJULIKANI", "INCONNU"}},

	// Emergency credit.
	ecTitle:         {16, [languages]string{"EMERGENCY CREDIT", "MKOPO WA DHARURA", "CREDIT D'URGENCE"}},
	ecUse:           {16, [languages]string{"# USE", "# CHUKUA", "# OUI"}},
	ecUseShort:      {7, [languages]string{"#", "#", "#"}},
	ecOn:            {16, [languages]string{"EMERGENCY ON", "MKOPO UMEANZA", "URGENCE ACTIVE"}},
	ecLeft:          {16, [languages]string{"LEFT", "IMEBAKI", "RESTE"}},
	ecAgain:         {16, [languages]string{"ALREADY ON", "TAYARI UMEANZA", "DEJA ACTIVE"}},
	ecNone:          {16, [languages]string{"NO EMERGENCY", "HAKUNA MKOPO", "PAS D'URGENCE"}},
	ecNotNeeded:     {16, [languages]string{"NOT NEEDED YET", "HAUHITAJIKI SASA", "PAS NECESSAIRE"}},
	ecNotNeededHint: {16, [languages]string{"CREDIT IS ENOUGH", "SALIO LATOSHA", "CREDIT SUFFISANT"}},
	ecUsed:          {16, [languages]string{"ALREADY USED", "UMESHATUMIKA", "DEJA UTILISE"}},
	buyHint:         {16, [languages]string{"BUY A TOKEN", "NUNUA TOKENI", "ACHETEZ UN CODE"}},

	// Warnings.
	warnLow1:          {16, [languages]string{"LOW CREDIT", "SALIO NI DOGO", "CREDIT FAIBLE"}},
	warnLow2:          {16, [languages]string{"CREDIT NEARLY 0", "SALIO KARIBU 0", "CREDIT PRESQUE 0"}},
	warnCutOff:        {16, [languages]string{"CREDIT USED UP", "SALIO LIMEISHA", "CREDIT EPUISE"}},
	warnEmergency:     {16, [languages]string{"EMERGENCY CREDIT", "MKOPO WA DHARURA", "CREDIT D'URGENCE"}},
	warnEmergencyHint: {13, [languages]string{"TYPE", "BONYEZA", "TAPEZ"}},
	warnTamper:        {16, [languages]string{"TAMPERING SEEN", "MITA IMEGUSWA", "INTRUSION NOTEE"}},
	warnOverload:      {16, [languages]string{"TOO MUCH LOAD", "MZIGO MKUBWA", "TROP DE CHARGE"}},
	warnOverloadHint:  {16, [languages]string{"SWITCH SOME OFF", "ZIMA BAADHI", "ETEIGNEZ-EN"}},
	warnEnding:        {16, [languages]string{"OFF IN 30 min", "ITAZIMA DAK. 30", "COUPURE: 30 min"}},

	// Short code pages.
	pageState: {16, [languages]string{"SUPPLY", "UMEME", "COURANT"}},
	unknown:   {16, [languages]string{"NOT TOLD", "HAIJULIKANI", "INCONNU"}},

	// Messages. The contract gives the English of the first ones to the letter.
	smsAccepted:           {160, [languages]string{"Recharge OK. %s kWh added.", "Umeme umeongezwa: %s kWh.", "Recharge OK. %s kWh ajoutés."}},
	smsAcceptedBalance:    {160, [languages]string{"Recharge OK. %s kWh added. Balance %s kWh", "Umeme umeongezwa: %s kWh. Salio %s kWh", "Recharge OK. %s kWh ajoutés. Solde %s kWh"}},
	smsDone:               {160, [languages]string{"Token accepted.", "Tokeni imekubaliwa.", "Code accepté."}},
	smsNext:               {160, [languages]string{"Part of a key change accepted. Send the other tokens of the set.", "Sehemu ya kubadili ufunguo imekubaliwa. Tuma tokeni nyingine za seti.", "Partie du changement de clé acceptée. Envoyez les autres codes du lot."}},
	smsUsed:               {160, [languages]string{"this recharge card has been used!", "Tokeni hii imeshatumika!", "Ce code a déjà été utilisé !"}},
	smsRejected:           {160, [languages]string{"Token rejected.", "Tokeni imekataliwa.", "Code refusé."}},
	smsBalance:            {160, [languages]string{"Balance %s kWh", "Salio %s kWh", "Solde %s kWh"}},
	smsToken:              {160, [languages]string{"Token %s..%s", "Tokeni %s..%s", "Code %s..%s"}},
	smsLeft:               {160, [languages]string{"Left to use %s kWh", "Imebaki %s kWh", "Reste %s kWh"}},
	smsEmergency:          {160, [languages]string{"Emergency credit is on: %s kWh. It is paid back with the next recharge.", "Mkopo wa dharura umeanza: %s kWh. Utalipwa kwa tokeni ijayo.", "Crédit d'urgence actif : %s kWh. Il sera remboursé à la prochaine recharge."}},
	smsEmergencyAgain:     {160, [languages]string{"Emergency credit is on already.", "Mkopo wa dharura umeshaanza.", "Le crédit d'urgence est déjà actif."}},
	smsEmergencyUsed:      {160, [languages]string{"Emergency credit is used up. Buy a token first.", "Mkopo wa dharura umeisha. Nunua tokeni kwanza.", "Le crédit d'urgence est déjà utilisé. Achetez d'abord un code."}},
	smsEmergencyNotNeeded: {160, [languages]string{"Emergency credit is not needed yet: there is credit left.", "Mkopo wa dharura hauhitajiki sasa: salio bado lipo.", "Crédit d'urgence pas nécessaire : il reste du crédit."}},
	smsEmergencyNone:      {160, [languages]string{"This meter has no emergency credit. Ask your seller.", "Mita hii haina mkopo wa dharura. Uliza muuzaji.", "Ce compteur n'a pas de crédit d'urgence. Demandez au vendeur."}},
	smsEmergencyLater:     {160, [languages]string{"Emergency credit is not on: the meter is busy. Send *03# again.", "Mkopo haujaanza: mita ina shughuli. Tuma *03# tena.", "Crédit d'urgence non actif : compteur occupé. Renvoyez *03#."}},
	smsTokens:             {160, [languages]string{"Last tokens:", "Tokeni za mwisho:", "Derniers codes :"}},
	smsNoTokens:           {160, [languages]string{"No tokens yet.", "Bado hakuna tokeni.", "Aucun code pour le moment."}},
	smsUsage:              {160, [languages]string{"Used this month %s kWh, today %s kWh.", "Umetumia mwezi huu %s kWh, leo %s kWh.", "Consommation ce mois %s kWh, aujourd'hui %s kWh."}},
	smsSupply:             {160, [languages]string{"Supply: %s.", "Umeme: %s.", "Courant : %s."}},
	smsClock:              {160, [languages]string{"Clock not set.", "Saa haijawekwa.", "Heure non réglée."}},
	smsTamper:             {160, [languages]string{"Tamper: %s.", "Uchezaji: %s.", "Intrusion : %s."}},
	smsLow1:               {160, [languages]string{"Low credit: %s kWh left. Please buy soon.", "Salio ni dogo: %s kWh. Tafadhali nunua mapema.", "Crédit faible : reste %s kWh. Pensez à recharger."}},
	smsLow2:               {160, [languages]string{"Credit almost gone: %s kWh left. Buy now to keep your supply.", "Salio karibu kuisha: %s kWh. Nunua sasa usikatiwe umeme.", "Crédit presque épuisé : reste %s kWh. Rechargez pour éviter la coupure."}},
	smsCutOff:             {160, [languages]string{"Credit used up, supply is off. Buy a token to switch it on again.", "Salio limeisha, umeme umezimwa. Nunua tokeni ili uwashwe tena.", "Crédit épuisé, courant coupé. Achetez un code pour le rétablir."}},
	smsOffer:              {160, [languages]string{"Credit is low: %s kWh left. Emergency credit: send *03# or type %s at the meter.", "Salio ni dogo: %s kWh. Mkopo wa dharura: tuma *03# au bonyeza %s kwenye mita.", "Crédit bas : reste %s kWh. Crédit d'urgence : envoyez *03# ou tapez %s au compteur."}},
	smsTampered:           {160, [languages]string{"The meter reports tampering. Call your supplier if nobody works on it.", "Mita imeripoti kuguswa. Piga simu kwa msambazaji kama hakuna fundi.", "Le compteur signale une intrusion. Appelez le fournisseur si personne n'y travaille."}},
	smsOverload:           {160, [languages]string{"Too much load, supply is off. Switch some of it off, then wait or press #.", "Mzigo mkubwa, umeme umezimwa. Zima baadhi ya vifaa, subiri au bonyeza #.", "Trop de charge, courant coupé. Éteignez des appareils, attendez ou appuyez sur #."}},
	smsEnding:             {160, [languages]string{"No credit left: the supply ends in 30 minutes. Buy a token now.", "Salio limeisha: umeme utazimwa baada ya dakika 30. Nunua tokeni sasa.", "Plus de crédit : coupure dans 30 minutes. Achetez un code maintenant."}},
}
