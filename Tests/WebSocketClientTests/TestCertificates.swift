/// Made for these tests alone: a root, a certificate of it for localhost and 127.0.0.1, and a stranger's root.
enum TestCertificates {
    static let root = """
        -----BEGIN CERTIFICATE-----
        MIIBjzCCATWgAwIBAgIULk38Z4cIqQQpbYqs4Sy06YavfqcwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJVGVzdCByb290MCAXDTI2MTEyNDAzNDMyNVoYDzIxMjYxMDMx
        MDM0MzI1WjAUMRIwEAYDVQQDDAlUZXN0IHJvb3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAATq48+QRJtVv+gyRl7G+s2sDZw3f1cWWPGdKV5zXkeOFbGgnncl1gwM
        94znMa5Ro3Oe87HXuxWYXdwsoybOtOkSo2MwYTAdBgNVHQ4EFgQUXVXR4yLtKERg
        niKQ7+BNMO24RoAwHwYDVR0jBBgwFoAUXVXR4yLtKERgniKQ7+BNMO24RoAwDwYD
        VR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwCgYIKoZIzj0EAwIDSAAwRQIg
        Z3XrhAhBR/iOK49R5+3w/p9NvRKuuMv1LH/csGoGX2YCIQC8t8Z2t6N3lX0C9u8Q
        Ycq+QZcWWbImMpLdZEQKapbBLg==
        -----END CERTIFICATE-----
        """
    static let strangerRoot = """
        -----BEGIN CERTIFICATE-----
        MIIBgTCCASegAwIBAgIUdwDTKlORrQFkpJN2vqnLBjN6aHIwCgYIKoZIzj0EAwIw
        FTETMBEGA1UEAwwKT3RoZXIgcm9vdDAgFw0yNjExMjQwMzQzMjVaGA8yMTI2MTAz
        MTAzNDMyNVowFTETMBEGA1UEAwwKT3RoZXIgcm9vdDBZMBMGByqGSM49AgEGCCqG
        SM49AwEHA0IABC+TZs/Xml5/VTg+WOh3yJCMAblnAv4TV6RDSw6M+873eghSWZ9e
        E43UAQ6EjAbHDWVfXTxMP6ddh9RsBShAwsijUzBRMB0GA1UdDgQWBBQXJ0faIPAH
        BFHWhJt7FK9Mn//tszAfBgNVHSMEGDAWgBQXJ0faIPAHBFHWhJt7FK9Mn//tszAP
        BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDDiaFSg2m6C2gvb0KO
        5LWROjTxkpPd5SDB5r7zI9mdWAIgCUFaHEapuTOFkWg5ku2gXOaEPfhz1EGW4dUV
        dk8v5+0=
        -----END CERTIFICATE-----
        """
    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBgjCCASigAwIBAgIBBzAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlUZXN0IHJv
        b3QwIBcNMjYxMTI0MDM0MzI1WhgPMjEyNjEwMzEwMzQzMjVaMBQxEjAQBgNVBAMM
        CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABE8qo2p6c41nHCEp
        U6yxCUQ8t2SyyN351J0jJkBo8raoiF5DLI75qZrNIcWSrzw700jrFDHN89mlAAsx
        FPe7zjOjaTBnMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAJBgNVHRMEAjAA
        MB0GA1UdDgQWBBQVVCzBtVmYpZ/B5+v6IdalHFIngTAfBgNVHSMEGDAWgBRdVdHj
        Iu0oRGCeIpDv4E0w7bhGgDAKBggqhkjOPQQDAgNIADBFAiEA7xXJh1tCbFOribp5
        IHiY9xWBJemTZpz2CfccpynVjUACIHd2J241kBM6VYergo35p2CqOEA8j2Al4QEl
        +VBY0kgZ
        -----END CERTIFICATE-----
        """
    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgl/zR9oOlrmurmKl9
        6i3Sd30gcfdr0IDembsK+Lk+ZBOhRANCAARPKqNqenONZxwhKVOssQlEPLdkssjd
        +dSdIyZAaPK2qIheQyyO+amazSHFkq88O9NI6xQxzfPZpQALMRT3u84z
        -----END PRIVATE KEY-----
        """
}
