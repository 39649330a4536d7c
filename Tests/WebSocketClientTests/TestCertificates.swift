/// Made for these tests alone: a root, a certificate of it for localhost and 127.0.0.1, and a stranger's root. Valid from
/// 2020 to 2119, whatever a machine takes today for.
enum TestCertificates {
    static let root = """
        -----BEGIN CERTIFICATE-----
        MIIBWzCCAQGgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlUZXN0IHJv
        b3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
        CVRlc3Qgcm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGAPrfshVPOdSX13
        5rjIBALYCXjFwj6OW16hTpP62VvzLQzAN5uAh9Y98DGMhVOsycFd7QX7RmwkAXs0
        ghF7NR+jQjBAMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMB0GA1Ud
        DgQWBBTYC7x5/7Pr4Makthg1O8NNzsi+6DAKBggqhkjOPQQDAgNIADBFAiEA2euB
        WuNPUdCikzJs6sHOIcOdvloE15Fi8i3wx9zxdAECIDbkN03qXWaSOSAr+tUJ8DY+
        HhXUC3lAbiKgGnh1Rjzp
        -----END CERTIFICATE-----
        """
    static let strangerRoot = """
        -----BEGIN CERTIFICATE-----
        MIIBXjCCAQOgAwIBAgIBAjAKBggqhkjOPQQDAjAVMRMwEQYDVQQDDApPdGhlciBy
        b290MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAVMRMwEQYDVQQD
        DApPdGhlciByb290MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESOzNF1OFCpwY
        N+WSfoImTMfT61UwFyT5ptYMPwSzsCIIsHc7CRb9VgoiAMTbIV/ijKEkaTaRAs6c
        fLCvMPNar6NCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwHQYD
        VR0OBBYEFIb2MDQ76Hpkpd6zxgbakS0UbjXLMAoGCCqGSM49BAMCA0kAMEYCIQD4
        U7cy7+fFRU526DxNUlbha9RRLfZ6ueYJUy83ZxVNCwIhAICUOWcYSW7cWIGt6Z+N
        KnKe7XtNCYRNQ1LuEUyLlx9M
        -----END CERTIFICATE-----
        """
    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBgjCCASigAwIBAgIBAzAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlUZXN0IHJv
        b3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
        CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABH4gVYU7uiGdES2q
        RFXNL/kDUmdSZ0EcYTDeuDgciu3m/RmBPFkrqMauWlWnhV7pZggNSHJoEWsh3aAV
        06RxgVejaTBnMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAJBgNVHRMEAjAA
        MB0GA1UdDgQWBBQKevppFfU7GMDtA1HzKdJ1sL5kCzAfBgNVHSMEGDAWgBTYC7x5
        /7Pr4Makthg1O8NNzsi+6DAKBggqhkjOPQQDAgNIADBFAiBLUX8R3BtkGPVPGGOU
        gVqF5qV3mAD0tlIDWQe189QS4gIhAIQJ5vW3fP2xnSEJHl+hE+bHD4q/WI2/CqWY
        upGNZoNT
        -----END CERTIFICATE-----
        """
    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgn2jh4kMVj/wgve7N
        1WaQJrFoddlomPY9r2+QFMT7DDGhRANCAAR+IFWFO7ohnREtqkRVzS/5A1JnUmdB
        HGEw3rg4HIrt5v0ZgTxZK6jGrlpVp4Ve6WYIDUhyaBFrId2gFdOkcYFX
        -----END PRIVATE KEY-----
        """
}
