package vending
