// Package diagnosistext has the texts of a diagnosis, one function for each case. A function returns what is wrong with a token and what to
// do. The texts come from internal/catalogue/texts/en/diagnosis.toml.
package diagnosistext
