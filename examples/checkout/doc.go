// Command checkout sells two mugs to a guest who clicks twice while the bank's answer is lost: one order, charged once.
package main
