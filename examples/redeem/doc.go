// Command redeem takes promotions from their JSON to the receipt of a paid order.
package main
