"""From parse trees and definitions to canonical text."""
