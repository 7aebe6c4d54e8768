// Package headlog keeps the files of a data folder that prove the sealed log from outside the database: the key that signs its heads, and a
// file of signed heads. Engines write them and verification reads them ([ReadTrust]). They show if the database was swapped, cut back or
// rewritten.
package headlog

// Names of the files in the data folder.
const (
	KeyFile = "seal.key"
	File    = "heads.log"
)
