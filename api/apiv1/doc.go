// Package apiv1 holds the JSON bodies of Paywatt's HTTP interface /v1, each once: the server answers with them, package
// client returns them, and the command line prints them. Each file holds the bodies of one noun.
//
// Money is in whole minor units of a currency, energy in Wh, power in W. Times are RFC 3339. A list comes in pages, each a
// [List]. A [Listing] gives the path of a list. A filter, such as [OwingFilter], narrows it. The server defines all other
// paths, parameters and headers.
//
// The struct tags doc, example, enum, format, minimum, maximum and maxLength are the texts and limits of the OpenAPI document
// (/v1/openapi.json). The package uses the standard library only.
package apiv1
