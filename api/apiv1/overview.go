package apiv1

import "time"

// Overview is what needs somebody now.
type Overview struct {
	At       time.Time       `json:"at" doc:"When the lists were made"`
	Meters   int             `json:"meters" example:"20" doc:"How many meters there are"`
	Backup   *OverviewBackup `json:"backup,omitempty" doc:"The last backup; missing without the right settings.read, and for PostgreSQL, whose backups Paywatt does not make"`
	Standbys *Standbys       `json:"standbys,omitempty" doc:"Standbys of the database; missing if it has none and none are expected"`
	Lists    []OverviewList  `json:"lists" doc:"One list of each kind that the asker may see, also those with nothing"`
}

// OverviewBackup says how old the last backup is.
type OverviewBackup struct {
	At  *time.Time `json:"at,omitempty" doc:"When paywatt backup create last made one; missing if never"`
	Old bool       `json:"old" doc:"Whether there is none, or it is older than 48 hours"`
}

// OverviewList has the things of one kind that need somebody.
type OverviewList struct {
	Kind         string          `json:"kind" enum:"cut_off,low,offline,tamper,failed_messages,doubtful_readings,approvals,parked_payments,unconfirmed_reversals,open_shifts,open_days,alarms" doc:"cut_off: meters that are heard and do not supply; low: little credit is left; failed_messages: of the last 7 days; approvals: requests that wait for a second person, which the asker made or may decide; parked_payments: payments that wait for a person, newest first; open_shifts: tills that were opened before today and not closed; open_days: days of the books that have ended and are not closed, once a day was closed; alarms: open ones that are in no other list"`
	Count        int             `json:"count" example:"3" doc:"How many there are. Meters are all counted, of the others at most 200"`
	More         bool            `json:"more" doc:"Whether there are more than were counted"`
	PaidLastHour int             `json:"paid_last_hour,omitempty" example:"1" doc:"Only of cut_off: for how many of these meters a sale was completed in the last hour"`
	First        []OverviewEntry `json:"first" doc:"The first of them, at most 5"`
}

// OverviewEntry is one thing that needs somebody.
type OverviewEntry struct {
	ID     string     `json:"id" doc:"Id of the meter, message, doubtful reading, approval or alarm"`
	Title  string     `json:"title" doc:"What people call it: a meter number, a telephone number, what is to be approved"`
	Detail string     `json:"detail" doc:"What tells it from others: the customer's name, the template, the doubt, who asks, or the alarm's code"`
	Meter  string     `json:"meter,omitempty" doc:"Number of the meter that it concerns"`
	Since  *time.Time `json:"since,omitempty" doc:"When the meter was last heard, or since when the thing has been there; missing for a meter that was never heard"`
}
