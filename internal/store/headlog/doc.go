// Package headlog keeps in a data folder what proves the sealed log from outside the database: the key that signs its
// heads, and a file of signed heads. Engines write through it, and verification reads it ([ReadTrust]), so that a
// database that was swapped, cut back or rewritten is found out by what is not in it.
package headlog

// Names of the files in the data folder.
const (
	KeyFile = "seal.key"
	File    = "heads.log"
)
