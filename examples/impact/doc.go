// Command impact reads events of OpenLineage and says what breaks when a column is dropped.
package main
