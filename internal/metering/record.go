// Package metering takes what the meters send: it decides by sequence number what is new, keeps readings, events and
// token results, and answers for their history. See [Record] for what comes in and [Outcome] for what is said of it.
package metering
