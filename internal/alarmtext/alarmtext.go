// Package alarmtext has the texts of alarms, one function for each. They come from internal/catalogue/texts/en/alarms.toml.
package alarmtext
