"""Story pages as the site shows them, written for tests: all names in them are invented."""


def text_page() -> str:
    """A story page as text, with all its parts."""
    return """Corporate
The Sample Courier
Le Spécimen
2 outlets
Thursday, January 8, 2026

A sample lab signs a framework deal

Source: The Sample Courier
Read original

TL;DR

AI-Summarizedfrom 2 sources

The sample lab signed a framework deal with a sample ministry.

About this summary

This article aggregates reporting from 2 news sources.

2 sources covering this story|1 company mentioned

Race to AGI Analysis

The deal matters to other labs.([courier.example](https://courier.example/deal?utm_source=openai))

May advance AGI timeline

Who Should Care

InvestorsPolicymakers

Companies Mentioned

Sample Lab
Sample Lab
AI Lab|France
Valuation: $6.0B

Coverage Sources

The Sample Courier
Le Spécimen
The Sample Courier
The Sample Courier
Read
Le Spécimen
Le SpécimenFR
Read"""
